"""The runner's protocol: how the changes of a source become entries, in this process or in many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .item import Deleted, Item
from .ledger import Row
from .stages import Entry, Prepared


@dataclass(frozen=True)
class Change:
    """Something to be written or deleted: its number among all that the source gave, and its row to be.

    relabel: the index has the item's vectors, and only its metadata changed. thumbnail: a small copy is kept of its
    picture, which is in no file.
    """

    number: int
    row: Row
    item: Item | Deleted
    relabel: bool = False
    thumbnail: bool = False


@dataclass(frozen=True)
class Made:
    """What became of a change: an entry (without vectors for one that is only relabelled), or why there is none.

    entry is None for a Deleted, and for an item that is refused with a reason. thumbnail: a small copy of a picture
    that is in no file, as a JPEG.
    """

    change: Change
    entry: Entry | None = None
    refusal: str = ""
    thumbnail: bytes = field(default=b"", repr=False)


class Maker(Protocol):
    """Makes entries out of changes: decodes, prepares and embeds. It can be pickled, and loads its weights when used.

    SourceError means that what gets an item's bytes is gone, and ends the run; what is wrong with one item is its
    refusal. May be called from several threads.
    """

    batch: int
    """How many changes are best embedded together."""
    workers: int
    """How many changes are best prepared at once."""

    @property
    def lanes(self) -> int:
        """In how many parts a batch may be embedded at once."""

    @property
    def ordered(self) -> bool:
        """Whether some of the work must be done in the source's order, so that one maker does all of it."""

    def __call__(self, changes: Sequence[Change]) -> list[Made]:
        """Make all of it, in order."""

    def prepare(self, change: Change) -> Prepared | Made:
        """Do the first half for one change: decode its picture and let the preparers at it; Made where that is all."""

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        """Do the second half for several, in order."""

    def close(self) -> None:
        """End the decoder's processes."""


class Runner(Protocol):
    """What `engine` in a recipe stands for: works through the changes of a source with a maker."""

    def run(self, maker: Maker, changes: Iterable[Sequence[Change]]) -> Iterator[Sequence[Made]]:
        """Give what became of every change, in the order of the changes, in groups of any size.

        `changes` may block for long between two groups and be endless: what it gave is worked on at once, and only a
        bounded number of changes is held. Closing the iterator ends all work. Errors of `maker` and of `changes` are
        raised as they are.
        """
