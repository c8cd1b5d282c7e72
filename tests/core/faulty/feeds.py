"""Faulty feeds: one fault each, and the test that must find it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import toy_feed
from imagora import Item
from imagora import testing as t
from toy_feed import ToyFeed


class Feeds(t.FeedContract):
    kind: Any = ToyFeed

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Any:
        return lambda: self.kind(tmp_path / "changes")

    @pytest.fixture
    def tell(self, tmp_path: Path) -> Any:
        return lambda things: toy_feed.tell(tmp_path / "changes", things)


def feed(**methods: Any) -> Any:
    """Make a toy feed with these methods in place of the right ones."""
    return type("OtherToyFeed", (ToyFeed,), methods)


class FaultyRepeatingFeed(Feeds):
    """What was acknowledged comes again and again."""

    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(acknowledge=lambda self, given: None)


class FaultyBackwards(Feeds):
    """The last change comes first."""

    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(items=lambda self: iter(list(ToyFeed.items(self))[::-1]))


class FaultyAdding(Feeds):
    """It adds up what it is told, and so counts the same changes twice."""

    fails = "test_what_was_acknowledged_does_not_come_again"

    def acknowledge(self: Any, given: int) -> None:
        self.kept.write_text(str(self.done() + given))  # as if it were told what came since the last time

    kind = feed(acknowledge=acknowledge)


class FaultyFarBack(Feeds):
    """It says that it repeats the last changes, and repeats all of them."""

    repeats = True
    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(done=lambda self: 0)


class FaultyHurriedFeed(Feeds):
    """What was read before a crash is lost: it counts as done when it is given."""

    fails = "test_what_was_not_acknowledged_comes_again"

    class Eager(ToyFeed):
        def items(self) -> Any:
            for number, thing in enumerate(super().items(), start=1):
                ToyFeed.acknowledge(self, number)
                yield thing

    kind = Eager


class FaultyGenerous(Feeds):
    """Acknowledging one change acknowledges all that wait."""

    fails = "test_what_was_not_acknowledged_comes_again"
    kind = feed(acknowledge=lambda self, given: self.kept.write_text(str(len(self.lines()))))


class FaultyUnsaid(Feeds):
    """Deletions are not given."""

    fails = "test_deletions_come_as_such_and_the_last_word_counts"
    kind = feed(items=lambda self: (thing for thing in ToyFeed.items(self) if isinstance(thing, Item)))


class FaultyFirstWord(Feeds):
    """Of two changes of one item the first one wins."""

    fails = "test_deletions_come_as_such_and_the_last_word_counts"
    kind = feed(items=lambda self: iter({thing.uri: thing for thing in list(ToyFeed.items(self))[::-1]}.values()))


class FaultyRestart(Feeds):
    """A restart gives nothing again."""

    fails = "test_a_restart_loses_nothing_and_gives_all_where_it_can"
    kind = feed(restart=lambda self: None)


class FaultyFreshStart(Feeds):
    """A restart skips what waits."""

    restarts = False
    fails = "test_a_restart_loses_nothing_and_gives_all_where_it_can"
    kind = feed(restart=lambda self: self.kept.write_text(str(len(self.lines()))))
