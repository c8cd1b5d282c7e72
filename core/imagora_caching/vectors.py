"""The level of embeddings, for retrievers: the vector of a query's words or picture, kept or worked out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from imagora import Picture
from imagora.record import note

from .cache import Around, Cache, around
from .keys import key_of, plain
from .store import Kept
from .values import VECTOR


class KeptVector:
    """One vector that may be kept. embedder: one of the recipe's own. thing: words or a picture."""

    def __init__(self, embedder: object, thing: str | Picture) -> None:
        self._embedder, self._thing = embedder, thing

    def now(self, make: Callable[[], Sequence[float]]) -> Sequence[float]:
        """Give it, in the calling thread."""
        caches, key = self._place()
        for cache in caches if not around.get().fresh else ():
            if (kept := self._read(cache, cache.get("embedding", key))) is not None:
                return kept
        vector = make()
        self._keep(caches, key, vector)
        return vector

    async def later(self, make: Callable[[], Awaitable[Sequence[float]]]) -> Sequence[float]:
        """Do what `now` does, in an event loop."""
        caches, key = self._place()
        for cache in caches if not around.get().fresh else ():
            if (kept := self._read(cache, await cache.aget("embedding", key))) is not None:
                return kept
        vector = await make()
        self._keep(caches, key, vector)
        return vector

    def _place(self) -> tuple[tuple[Cache, ...], str]:
        here: Around = around.get()
        caches, maker = here.keeping("embedding"), here.maker
        caches = tuple(cache for cache in caches if not cache.is_away())
        leg = maker.leg_of(self._embedder) if maker is not None and caches else None
        if maker is None or leg is None:
            return (), ""
        return caches, key_of("embedding", {"made": maker.vectors(leg), "thing": plain(self._thing)})

    def _read(self, cache: Cache, kept: Kept | None) -> list[float] | None:
        vector = None
        if kept is not None:
            try:
                vector = VECTOR.read(kept.value)
            except (TypeError, ValueError, KeyError):
                cache.count("failed: garbage")
        cache.count("embedding miss" if vector is None else "embedding hit")
        if vector is not None:
            note(cache="embedding")
        return vector

    def _keep(self, caches: Sequence[Cache], key: str, vector: Sequence[float]) -> None:
        if caches and (data := VECTOR.written([float(number) for number in vector])) is not None:
            for cache in caches:
                cache.put("embedding", key, Kept(data, time.time()))
