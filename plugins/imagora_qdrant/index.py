"""The index `qdrant`: opened for legs whose identities fit, written in batches, searched."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from imagora.errors import IndexMissing, StageError, UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, Identity, SearchRequest, SparseVector, Vector

from .identities import Legs, check, is_sparse
from .options import QdrantOptions
from .place import place_of
from .store import Store


def store_for(options: QdrantOptions) -> Store:
    """Give the form of the index that the options ask for; nothing is opened."""
    if options.path is not None:
        from .embedded import EmbeddedStore

        return EmbeddedStore(options, options.path)
    from .server import ServerStore

    return ServerStore(options)


class QdrantIndex:
    """One Qdrant collection with a named vector for each leg."""

    def __init__(self, options: QdrantOptions, recipe: str, store: Store | None = None) -> None:
        self._options, self._recipe = options, recipe
        self._given = store
        self._lock = threading.RLock()
        self._legs: Legs | None = None
        self._writable = False

    @property
    def place(self) -> str:
        """A folder, or an address without credentials and the collection's name."""
        return place_of(self._options)

    @property
    def folder(self) -> Path | None:
        """The folder of an embedded index, None for a server."""
        return self._options.path

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        """Open for these legs; a second time only checks them."""
        with self._lock:
            if self._legs is not None and (self._writable or not create):
                check(self._legs, legs, self.place, create=create)
                return
            if self._legs is not None:
                check(self._legs, legs, self.place, create=create)
                self._store.index_fields(self._options.fields)
                self._writable = True
                return
            try:
                self._legs = self._attached(legs, create)
            except BaseException:
                self._store.detach()
                raise
            self._writable = create

    def _attached(self, legs: Legs, create: bool) -> Legs:
        kept = self._store.kept()
        if kept is None:
            if not create:
                raise IndexMissing(
                    f"there is no index at '{self.place}' yet; make it with: imagora ingest {self._recipe}"
                )
            self._store.make(legs)
            kept = dict(legs)
        check(kept, legs, self.place, create=create)
        self._store.attach()
        if create:
            self._store.index_fields(self._options.fields)
        return kept

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write entries, replacing those of equal id; durable when it returns."""
        legs = self._opened()
        for entry in entries:
            for leg, vector in entry.vectors.items():
                _check_vector(entry.id, leg, vector, legs)
        for start in range(0, len(entries), self._options.batch):
            self._store.write(entries[start : start + self._options.batch])

    def set_payloads(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace the payloads of entries by id and leave their vectors; durable when it returns."""
        self._opened()
        pairs = list(payloads.items())
        for start in range(0, len(pairs), self._options.batch):
            self._store.relabel(dict(pairs[start : start + self._options.batch]))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove entries by id; unknown ids are ignored; durable when it returns."""
        self._opened()
        for start in range(0, len(ids), self._options.batch):
            self._store.remove(ids[start : start + self._options.batch])

    def count(self) -> int:
        """Say how many entries there are."""
        self._opened()
        return self._store.count()

    def ids(self) -> Iterator[str]:
        """Give the ids of all entries, each once, in any order."""
        self._opened()
        yield from self._store.ids()

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries, best first, at most `request.limit` of them."""
        return await self._store.search(self._checked(request))

    def _checked(self, request: SearchRequest) -> SearchRequest:
        legs = self._opened()
        for leg in request.legs:
            _check_vector(f"the query '{leg.name}'", leg.leg, leg.vector, legs)
        return request

    def close(self) -> None:
        """Let go of files and connections; a closed index can be opened again."""
        with self._lock:
            if self._legs is not None:
                self._legs = None
                self._store.detach()

    @cached_property
    def _store(self) -> Store:
        # The engine and the client are imported when the index is first used, not when a pipeline is built.
        return self._given or store_for(self._options)

    def _opened(self) -> Legs:
        legs = self._legs
        if legs is None:
            raise UnusableIndex(f"the index at '{self.place}' is not open; call open() first")
        return legs


class EmbeddedIndex(QdrantIndex):
    """The index in a folder of this machine: an `imagora.stages.LocalIndex`."""

    def search(self, request: SearchRequest) -> list[Hit]:
        """Do what `asearch` does, in the calling thread."""
        store: Any = self._store
        hits: list[Hit] = store.search_now(self._checked(request))
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
