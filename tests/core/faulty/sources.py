"""Faulty sources: one fault each, and the test that must find it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from imagora import Item
from imagora import testing as t
from toy_stages import ToyList
from toys import ToyItem

from faulty.making import method, stage

ROWS = [ToyItem(uri=f"{number}", text="words") for number in range(20)]


def _list(name: str, change: Any) -> Any:
    return stage(lambda: method(ToyList, name, change)("toys", ROWS))


class FaultyOrder(t.SourceContract):
    """Items come in another order each time."""

    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("items", lambda items: iter(random.sample(list(items), 20)))


class FaultyCount(t.SourceContract):
    """It says that there is one item more than there is."""

    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("count", lambda count: count + 1)


class FaultyTwice(t.SourceContract):
    """Two items have one name, so that one replaces the other in the index."""

    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("items", lambda items: iter([Item("same", "words")] * 20))


class FaultyEmptyItem(t.SourceContract):
    """An item has neither words nor a picture."""

    fails = "test_everything_is_an_item_or_unreadable"
    stage = _list("items", lambda items: iter([Item("a", "words"), Item("b")]))


class FaultyMetadata(t.SourceContract):
    """Metadata holds what JSON cannot."""

    error = "TypeError"
    fails = "test_everything_is_an_item_or_unreadable"
    stage = _list("items", lambda items: iter([Item("a", "words", metadata={"path": Path()}), Item("b", "words")]))  # type: ignore[dict-item] # the fault
