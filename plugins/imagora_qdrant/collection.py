"""One generation of the index: opened for legs whose identities fit, written in batches, searched."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagora.errors import IndexMissing, StageError, UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, Identity, SearchRequest, SparseVector, Vector

from .identities import Legs, check, is_sparse, what_to_do
from .options import QdrantOptions
from .place import place_of
from .store import Store


class Collection:
    """One Qdrant collection with a named vector for each leg; store: makes what keeps a generation."""

    def __init__(
        self, options: QdrantOptions, recipe: str, number: int = 1, store: Callable[[int], Store] | None = None
    ) -> None:
        self._options, self._recipe, self._number = options, recipe, number
        self._given_store = store
        self._lock = threading.RLock()
        self._open_one: tuple[Legs, Store] | None = None
        self._writable = False

    @property
    def place(self) -> str:
        """A folder, or an address without credentials and the collection's name; and the generation after the first."""
        return place_of(self._options, self._number)

    @property
    def folder(self) -> Path | None:
        """The folder of an embedded index, None for a server; all generations are in one folder."""
        return self._options.path

    @property
    def is_open(self) -> bool:
        """Whether it can be searched."""
        return self._open_one is not None

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        """Open for these legs; a second time only checks them."""
        with self._lock:
            if self._open_one is None:
                self._open_one = self._attached(legs, create)
                self._writable = create
                return
            kept, store = self._open_one
            self._check(kept, legs, create)
            if create and not self._writable:
                store.index_fields(self._options.fields)
                self._writable = True

    def _attached(self, legs: Legs, create: bool) -> tuple[Legs, Store]:
        store = self._new_store(self._number)
        try:
            kept = store.kept()
            if kept is None:
                if not create:
                    raise IndexMissing(
                        f"there is no index at '{self.place}' yet; make it with: imagora ingest {self._recipe}"
                    )
                store.make(legs)
                kept = dict(legs)
            self._check(kept, legs, create)
            store.attach()
            if create:
                store.index_fields(self._options.fields)
        except BaseException:
            store.detach()
            raise
        return kept, store

    def _new_store(self, number: int) -> Store:
        assert self._given_store is not None  # noqa: S101 - QdrantIndex, which gives none, has its own of this
        return self._given_store(number)

    def _check(self, kept: Legs, legs: Legs, create: bool) -> None:
        check(kept, legs, self.place, create=create, remedy=lambda: self._remedy(legs, create))

    def _remedy(self, legs: Legs, create: bool) -> str:
        return what_to_do(self.place)

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write entries, replacing those of equal id; durable when it returns."""
        legs, store = self._opened()
        for entry in entries:
            for leg, vector in entry.vectors.items():
                _check_vector(entry.id, leg, vector, legs)
        for start in range(0, len(entries), self._options.batch):
            store.write(entries[start : start + self._options.batch])

    def set_payloads(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace the payloads of entries by id and leave their vectors; durable when it returns."""
        _, store = self._opened()
        pairs = list(payloads.items())
        for start in range(0, len(pairs), self._options.batch):
            store.relabel(dict(pairs[start : start + self._options.batch]))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove entries by id; unknown ids are ignored; durable when it returns."""
        _, store = self._opened()
        for start in range(0, len(ids), self._options.batch):
            store.remove(ids[start : start + self._options.batch])

    def count(self) -> int:
        """Say how many entries there are."""
        return self._opened()[1].count()

    def ids(self) -> Iterator[str]:
        """Give the ids of all entries, each once, in any order."""
        yield from self._opened()[1].ids()

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        """Give by id the vectors of a leg; an entry that is not there or has nothing on the leg is missing."""
        legs, store = self._opened()
        if leg not in legs:
            raise StageError(f"the index has no leg '{leg}'; it has: {', '.join(sorted(legs))}")
        found: dict[str, Vector] = {}
        for start in range(0, len(ids), self._options.batch):
            found.update(store.vectors(ids[start : start + self._options.batch], leg))
        return found

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries, best first, at most `request.limit` of them."""
        return await self._for_search(request).search(request)

    async def aversion(self) -> str | None:
        """Name the state of what is open; None where it cannot be told, as while another process writes."""
        return await self._opened()[1].version()

    def _for_search(self, request: SearchRequest) -> Store:
        legs, store = self._opened()
        for leg in request.legs:
            _check_vector(f"the query '{leg.name}'", leg.leg, leg.vector, legs)
        return store

    def close(self) -> None:
        """Let go of files and connections; a closed index can be opened again."""
        with self._lock:
            opened, self._open_one = self._open_one, None
            if opened is not None:
                opened[1].detach()

    def _opened(self) -> tuple[Legs, Store]:
        opened = self._open_one
        if opened is None:
            raise UnusableIndex(f"the index at '{self.place}' is not open; call open() first")
        return opened


class LocalCollection(Collection):
    """A generation in a folder of this machine: an `imagora.stages.LocalIndex`."""

    def search(self, request: SearchRequest) -> list[Hit]:
        """Do what `asearch` does, in the calling thread."""
        store: Any = self._for_search(request)
        hits: list[Hit] = store.search_now(request)
        return hits


def _check_vector(whose: str, leg: str, vector: Vector, legs: Legs) -> None:
    """Refuse what would be wrong or poison the index: another leg, another length, a number that is none."""
    if leg not in legs:
        raise StageError(f"'{whose}' has a vector for the leg '{leg}', and the index has: {', '.join(sorted(legs))}")
    sparse = isinstance(vector, SparseVector)
    if sparse != is_sparse(legs[leg]):
        raise StageError(f"'{whose}' has a vector of the wrong kind for the leg '{leg}', which is of {legs[leg]}")
    numbers = vector.values if isinstance(vector, SparseVector) else vector
    if not sparse and len(numbers) != legs[leg].dimension:
        raise StageError(
            f"'{whose}' has {len(numbers)} dimensions for the leg '{leg}', and the index takes {legs[leg].dimension}"
        )
    if not math.isfinite(sum(numbers)):
        raise StageError(f"'{whose}' has a vector for the leg '{leg}' with a number that is not finite")
