"""What the two forms of the index, embedded and on a server, have to be able to do: one generation, and all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from imagora.item import JSONValue
from imagora.stages import Entry, Generation, Hit, SearchRequest, Vector

from .identities import Legs
from .options import FieldType


class Store(Protocol):
    """Keeps one generation; everything but `place` and `kept` needs `attach` before it."""

    @property
    def place(self) -> str:
        """Where it is: a folder, or an address without credentials and a collection."""

    def kept(self) -> Legs | None:
        """Give the identities of what is there, None for nothing; UnusableIndex where it is not ours."""

    def make(self, legs: Legs) -> None:
        """Make an empty collection where nothing is."""

    def attach(self) -> None:
        """Get hold of the collection; IndexInUse where another process has it."""

    def index_fields(self, fields: Mapping[str, FieldType]) -> None:
        """Make the payload indexes that are not there yet."""

    def write(self, entries: Sequence[Entry]) -> None:
        """Write one batch, durable when it returns."""

    def relabel(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace payloads by id, durable when it returns."""

    def remove(self, ids: Sequence[str]) -> None:
        """Remove by id, durable when it returns."""

    def ids(self) -> Iterator[str]:
        """Give all ids."""

    def count(self) -> int:
        """Count the entries."""

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        """Give the stored vectors of one leg, by id."""

    async def search(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries."""

    async def version(self) -> str | None:
        """Name the state of the content, as `imagora.stages.VersionedIndex` has it."""

    def detach(self) -> None:
        """Let go of files and connections."""


class Generations(Protocol):
    """All the generations of one place; nothing needs to be open."""

    def store(self, number: int) -> Store:
        """Give the store of one generation, which need not be there yet."""

    def there(self) -> list[Generation]:
        """Give the generations that are there, in the order of numbers; those of others are left out."""

    def answering(self) -> tuple[int, int | None]:
        """Give the number that answers, 1 where nothing is said, and the one that did so before, where it is there."""

    def switch(self, number: int) -> None:
        """Let another generation answer; IndexMissing where it is not there."""

    def drop(self, number: int) -> None:
        """Remove a generation that does not answer; IndexMissing where it is not there."""
