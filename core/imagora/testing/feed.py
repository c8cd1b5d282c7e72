"""The contract of feeds: what was not acknowledged comes again, and what was does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeAlias

from imagora.item import Deleted, Item, Unreadable
from imagora.stages import Feed

Thing: TypeAlias = Item | Deleted | Unreadable
Tell: TypeAlias = Callable[[Sequence[Item | Deleted]], None]
Reopen: TypeAlias = Callable[[], Feed]


class FeedContract:
    """Give the fixtures `reopen` and `tell`, over the same queue, topic or table, which is empty at first.

    reopen: a function that gives the feed as a new process has it; the one that it gave before ends without a word, as
    in a crash. tell: a function that puts items (a name and words) and Deleted into what the feed reads, in this order.

    Capabilities. repeats: it may give once more the last of what was acknowledged, because it does not keep so exactly
    how far it came. restarts: `restart` gives all from the start. again_after: seconds until what was not acknowledged
    comes again. names: what the items are called, six of them.
    """

    repeats: ClassVar[bool] = False
    restarts: ClassVar[bool] = True
    again_after: ClassVar[float] = 0
    names: ClassVar[Sequence[str]] = ("a", "b", "c", "d", "e", "f")

    def test_what_was_acknowledged_does_not_come_again(self, reopen: Reopen, tell: Tell) -> None:
        tell([Item(name, f"words of {name}") for name in self.names[:5]])
        given = _acknowledged(feed := reopen())
        assert [(thing.uri, _words(thing)) for thing in given] == [(n, f"words of {n}") for n in self.names[:5]]
        name, counted = feed.uri, feed.count()
        assert name and isinstance(counted, int | None)
        tell([Item(self.names[5], "new")])
        feed = reopen()
        again = list(feed.items())
        assert again, "what is new comes"
        assert (again[-1].uri, _words(again[-1]), feed.uri) == (self.names[5], "new", name)
        assert len(again) == 1 or self.repeats
        assert [thing.uri for thing in again[:-1]] == list(self.names[6 - len(again) : 5]), "only the last ones"
        assert len(again) < 6, "the first is done with"

    def test_what_was_not_acknowledged_comes_again(self, reopen: Reopen, tell: Tell) -> None:
        tell([Item(name, f"words of {name}") for name in self.names[:3]])
        broken_off = iter(reopen().items())
        assert next(broken_off).uri == self.names[0]
        feed = self._again(reopen)
        assert [thing.uri for thing in feed.items()] == list(self.names[:3]), "one of them was read before a crash"
        feed.acknowledge(0)
        feed.acknowledge(1)
        again = [thing.uri for thing in self._again(reopen).items()]
        assert again == list(self.names[1:3]) or (self.repeats and again == list(self.names[:3]))

    def test_deletions_come_as_such_and_the_last_word_counts(self, reopen: Reopen, tell: Tell) -> None:
        a, b, c = self.names[:3]
        tell([Item(a, "first"), Item(b, "first"), Deleted(a), Item(b, "second"), Deleted(c), Item(c, "first")])
        assert {thing.uri: _words(thing) for thing in reopen().items()} == {a: None, b: "second", c: "first"}

    def test_a_restart_loses_nothing_and_gives_all_where_it_can(self, reopen: Reopen, tell: Tell) -> None:
        tell([Item(name, "words") for name in self.names[:2]])
        assert len(_acknowledged(reopen())) == 2
        tell([Item(self.names[2], "new")])
        feed = reopen()
        feed.restart()
        given = [thing.uri for thing in _acknowledged(feed)]
        assert given == list(self.names[:3]) if self.restarts else given[-1:] == [self.names[2]]

    def _again(self, reopen: Reopen) -> Feed:
        feed = reopen()
        time.sleep(self.again_after)
        return feed


def _acknowledged(feed: Feed) -> list[Thing]:
    """Read as an ingest does: in a thread of its own, while another one acknowledges what came before."""
    assert isinstance(feed, Feed)
    things, given = feed.items(), list[Thing]()
    with ThreadPoolExecutor(1) as reading:
        while (thing := reading.submit(next, things, None).result()) is not None:
            feed.acknowledge(len(given))
            given.append(thing)
    feed.acknowledge(len(given))
    return given


def _words(thing: Thing) -> str | None:
    assert not isinstance(thing, Unreadable), thing.reason
    return thing.text if isinstance(thing, Item) else None
