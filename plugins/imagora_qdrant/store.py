"""What the two forms of the index, embedded and on a server, have to be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from imagora.item import JSONValue
from imagora.stages import Entry, Hit, SearchRequest

from .identities import Legs
from .options import FieldType


class Store(Protocol):
    """Keeps one collection; everything but `place` and `kept` needs `attach` before it."""

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

    async def search(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries."""

    def detach(self) -> None:
        """Let go of files and connections."""
