"""The contracts of sources and preparers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagora.item import Item, Unreadable
from imagora.pictures import PictureDecoder
from imagora.stages import Prepared, Preparer, Source

from .golden import ITEMS


class SourceContract:
    """Give the fixture `stage`: a source with at least two items."""

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


class PreparerContract:
    """Give the fixture `stage`: a preparer."""

    @pytest.fixture
    def items(self) -> list[Item]:
        return [*ITEMS, Item("only words", "some words"), Item("only a picture", picture=ITEMS[0].picture)]

    def test_every_item_comes_out_in_its_place(self, stage: Preparer, items: list[Item]) -> None:
        before = [(item.text, dict(item.metadata)) for item in items]
        with PictureDecoder(1) as decoder:
            given = [Prepared(item, decoder.decode(item.picture) if item.picture else None) for item in items]
        prepared = list(stage.prepare(given))
        assert [one.item.uri for one in prepared] == [item.uri for item in items]
        assert prepared == [one for alone in given for one in stage.prepare([alone])], "an item needs no others"
        assert [(item.text, dict(item.metadata)) for item in items] == before, "what it got stays as it was"
        assert list(stage.prepare([])) == []
