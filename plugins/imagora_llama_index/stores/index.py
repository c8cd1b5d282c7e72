"""The index that a recipe names: a catalogue in a folder, and a vector store for each dense leg."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from imagora.errors import StageError, UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, Identity, SearchRequest, SparseVector, Vector

from .behind import begin_anew, catch_up, saved, tell
from .failures import in_words
from .identities import Legs, check
from .known import KnownStore
from .opening import Opened, Opening
from .options import StoreOptions
from .search import search
from .sharing import Shared, held

_TRIES = 3
_SAVE_AFTER = 10_000


class StoreIndex:
    """An `imagora.stages.VectorIndex` over one of LlamaIndex's vector stores."""

    def __init__(self, options: StoreOptions, known: KnownStore, recipe: str) -> None:
        self._options, self._known, self._recipe = options, known, recipe
        self._lock = threading.RLock()
        self._open_one: Shared | None = None

    @property
    def place(self) -> str:
        """The folder of the catalogue and, where the store is a server, its address without credentials."""
        return self._known.place(self._options)

    @property
    def folder(self) -> Path:
        """The folder of the catalogue."""
        return self._options.path

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        """Open for these legs; a second time only checks them."""
        with self._lock:
            opening = Opening(self._options, self._known, self._recipe, create)
            alone = self._known.alone(self._options)
            with self._in_words():
                shared = self._open_one or held(self._known.name, self.folder, alone, lambda: opening.opened(legs))
            try:
                check(shared.opened.catalogue.legs, legs, self.place, create=create)
            except BaseException:
                if shared is not self._open_one:
                    shared.let_go()
                raise
            self._open_one = shared

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write entries, replacing those of equal id; durable when it returns."""
        there = self._opened()
        for entry in entries:
            for leg, vector in entry.vectors.items():
                _check_vector(entry.id, leg, vector, there.catalogue.legs)
        for start in range(0, len(entries), self._options.batch):
            with self._turn, self._in_words():
                touched = there.catalogue.write(entries[start : start + self._options.batch])
                tell(there.catalogue, there.stores, touched)
                self._tidy(there)

    def set_payloads(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace the payloads of entries by id and leave their vectors; durable when it returns."""
        with self._turn:
            self._opened().catalogue.relabel(payloads)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove entries by id; unknown ids are ignored; durable when it returns."""
        there = self._opened()
        for start in range(0, len(ids), self._options.batch):
            with self._turn, self._in_words():
                touched = there.catalogue.remove(ids[start : start + self._options.batch])
                tell(there.catalogue, there.stores, touched)
                self._tidy(there)

    def count(self) -> int:
        """Say how many entries there are."""
        return self._opened().catalogue.count()

    def ids(self) -> Iterator[str]:
        """Give the ids of all entries, each once, in their order."""
        yield from self._opened().catalogue.ids()

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        """Give by id what is stored on a leg (cosine legs: the direction); an entry without it is missing."""
        catalogue = self._opened().catalogue
        if leg not in catalogue.legs:
            raise StageError(f"the index has no leg '{leg}'; it has: {', '.join(sorted(catalogue.legs))}")
        return catalogue.vectors(ids, leg)

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries, best first, at most `request.limit` of them."""
        return await asyncio.get_running_loop().run_in_executor(None, self._search, request)

    def close(self) -> None:
        """Let go of files and connections; a closed index can be opened again."""
        with self._lock:
            shared, self._open_one = self._open_one, None
            if shared is not None:
                shared.let_go()

    def _search(self, request: SearchRequest) -> list[Hit]:
        there = self._opened()
        for leg in request.legs:
            _check_vector(f"the query '{leg.name}'", leg.leg, leg.vector, there.catalogue.legs)
        # A store in this process is not asked while it is written to; one elsewhere answers many at once.
        turn: AbstractContextManager[object] = self._turn if self._known.alone(self._options) else nullcontext()
        with turn, self._in_words():
            for _ in range(_TRIES):
                version = there.catalogue.connection.version()
                hits = search(there.catalogue, there.stores, request)
                if there.catalogue.connection.version() == version:
                    break  # else what was found may have been written again meanwhile
            return hits

    def _tidy(self, there: Opened) -> None:
        for neighbours in there.stores.values():
            if neighbours.due():
                begin_anew(there.catalogue, neighbours)
                catch_up(there.catalogue, neighbours)
            if not neighbours.keeps and neighbours.changed >= max(_SAVE_AFTER, neighbours.count() // 4):
                saved(there.catalogue, neighbours)

    def _in_words(self) -> AbstractContextManager[None]:
        return in_words(self._known.name, self.place, self._options)

    @property
    def _turn(self) -> AbstractContextManager[object]:
        turn: AbstractContextManager[object] = self._held().turn
        return turn

    def _opened(self) -> Opened:
        return self._held().opened

    def _held(self) -> Shared:
        shared = self._open_one
        if shared is None:
            raise UnusableIndex(f"the index at '{self.place}' is not open; call open() first")
        return shared


class EmbeddedStoreIndex(StoreIndex):
    """An index whose store is in this process: an `imagora.stages.LocalIndex`, too."""

    def search(self, request: SearchRequest) -> list[Hit]:
        """Do what `asearch` does, in the calling thread."""
        return self._search(request)


def _check_vector(whose: str, leg: str, vector: Vector, legs: Legs) -> None:
    """Refuse what would be wrong or poison the index: another leg, another length, a number that is none."""
    if leg not in legs:
        raise StageError(f"'{whose}' has a vector for the leg '{leg}', and the index has: {', '.join(sorted(legs))}")
    sparse = isinstance(vector, SparseVector)
    if sparse != (legs[leg].metric == "bm25"):
        raise StageError(f"'{whose}' has a vector of the wrong kind for the leg '{leg}', which is of {legs[leg]}")
    numbers = vector.values if isinstance(vector, SparseVector) else vector
    if not sparse and len(numbers) != legs[leg].dimension:
        raise StageError(
            f"'{whose}' has {len(numbers)} dimensions for the leg '{leg}', and the index takes {legs[leg].dimension}"
        )
    if not math.isfinite(sum(numbers)):
        raise StageError(f"'{whose}' has a vector for the leg '{leg}' with a number that is not finite")
