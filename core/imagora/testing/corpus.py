"""The contract of sources."""

from __future__ import annotations

import json
from pathlib import Path

from imagora.item import Item, Unreadable
from imagora.stages import Source

from .built import Built


class SourceContract(Built):
    """Name the `component`, or give the fixture `stage`: a source with at least two items."""

    kind = "source"

    def test_items_are_the_same_each_time_and_no_name_comes_twice(self, stage: Source) -> None:
        first, again, third = list(stage.items()), stage.items(), stage.items()
        assert [next(again), next(third), *again] == [first[0], *first], "two readers do not disturb each other"
        assert len({item.uri for item in first}) == len(first) > 1 and stage.uri
        assert stage.count() in (None, len(first))

    def test_everything_is_an_item_or_unreadable(self, stage: Source) -> None:
        for item in stage.items():
            assert isinstance(item, Item | Unreadable) and item.uri
            if isinstance(item, Item):
                assert item.words or item.picture
                assert callable(item.picture) or isinstance(item.picture, Path | bytes | None)
                json.dumps(dict(item.metadata), allow_nan=False)
            else:
                assert item.reason
