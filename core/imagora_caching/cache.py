"""The wrapper: what stages find around them while a query is under way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass

from imagora import Answer, Found, Query
from imagora.record import note

from .flights import Flights
from .levels import Level, LevelOptions
from .maker import Maker
from .store import LEFT_ALONE, Kept, Store, StoreFailed, sealed, unsealed


class Cache:
    """A wrapper that keeps what the stages within it make; it answers nothing itself.

    Guardrails on the query come before any look-up, so that the road of the query is where things are looked up.
    """

    def __init__(self, name: str, store: Store, options: LevelOptions) -> None:
        self.name, self.store, self.options = name, store, options
        self.flights: Flights[Kept] = Flights()
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        """Answer, with this cache around the stages."""
        token = self._enter(query)
        try:
            return await inner(query)
        finally:
            around.reset(token)

    async def search(self, query: Query, inner: Callable[[Query], Awaitable[Found]]) -> Found:
        """Search, with this cache around the stages."""
        token = self._enter(query)
        try:
            return await inner(query)
        finally:
            around.reset(token)

    def close(self) -> None:
        """Let go of the store's connections."""
        self.store.close()

    def counts(self) -> dict[str, int]:
        """Give how often what happened: "answer hit", "retrieval miss", "failed: timeout" …"""
        with self._lock:
            counted = Counter(self._counts)
        counted.update({f"failed: {reason}": number for reason, number in self.store.failures().items()})
        return dict(counted)

    def count(self, what: str) -> None:
        """Count one more of something."""
        with self._lock:
            self._counts[what] += 1

    def is_away(self) -> bool:
        """Say whether its store is left alone for now, and count that."""
        if away := self.store.is_away():
            self.count(f"failed: {LEFT_ALONE}")
        return away

    def get(self, level: Level, key: str) -> Kept | None:
        """Look a value up; a store that fails, or gives what nobody put there, counts and is a miss."""
        try:
            data = self.store.get(key)
            kept = None if data is None else unsealed(key, data)
        except StoreFailed as failed:
            self.count(f"failed: {failed.reason}")
            note(failed=failed.reason)
            return None
        return kept if kept is not None and age(kept) < self.options.seconds(level) else None

    async def aget(self, level: Level, key: str) -> Kept | None:
        """Do what `get` does without holding up the event loop."""
        return await asyncio.to_thread(self.get, level, key) if self.store.remote else self.get(level, key)

    def put(self, level: Level, key: str, kept: Kept) -> None:
        """Keep a value for the rest of its level's time."""
        if (left := self.options.seconds(level) - age(kept)) > 0:
            try:
                self.store.put(key, sealed(key, kept), left)
            except StoreFailed as failed:
                self.count(f"failed: {failed.reason}")

    def _enter(self, query: Query) -> Token[Around]:
        return around.set(Around((*around.get().caches, self), fresh=query.fresh))


@dataclass(frozen=True)
class Around:
    """The caches around the query that is under way, the outermost first, and who makes what they keep.

    fresh: nothing is looked up.
    """

    caches: tuple[Cache, ...] = ()
    fresh: bool = False
    maker: Maker | None = None

    def keeping(self, level: Level) -> tuple[Cache, ...]:
        """Give the caches that keep a level."""
        return tuple(cache for cache in self.caches if cache.options.seconds(level) > 0)


around: ContextVar[Around] = ContextVar("imagora_around", default=Around())  # noqa: B039 - it is frozen


def made_by(maker: Maker) -> None:
    """Say who makes the values of the query that is under way."""
    if (here := around.get()).caches:
        around.set(Around(here.caches, here.fresh, maker))


def age(kept: Kept) -> float:
    """Say how many seconds ago a value was made."""
    return max(0.0, time.time() - kept.made)
