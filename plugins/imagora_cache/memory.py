"""The store in memory: bounded by entries and by bytes, the longest unused go first."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from cachetools import TLRUCache
from imagora_caching.store import StoreFailed

_BESIDES = 300
"""Bytes, about, that Python and the cache itself take for a value besides its own."""


@dataclass(frozen=True)
class _Entry:
    value: bytes
    seconds: float


class MemoryStore:
    """An `imagora_caching.store.Store`; entries, size: how many values, and how many bytes of them, are kept."""

    remote = False
    takes = True

    def __init__(self, entries: int, size: int) -> None:
        self._entries, self._size = entries, size
        self._lock = threading.Lock()
        self._kept: TLRUCache[str, _Entry] = TLRUCache(
            maxsize=size,
            ttu=lambda _, entry, now: now + entry.seconds,
            timer=time.monotonic,
            getsizeof=lambda entry: len(entry.value) + _BESIDES,
        )

    def is_away(self) -> bool:
        """Say that it is here."""
        return False

    def get(self, key: str) -> bytes | None:
        """Give what is kept; it counts as used."""
        with self._lock:
            entry = self._kept.get(key)
        return entry.value if entry is not None else None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value; a StoreFailed where it alone is larger than all that may be kept."""
        if len(value) + _BESIDES > self._size:
            raise StoreFailed("too large")
        with self._lock:
            self._kept[key] = _Entry(value, seconds)
            while len(self._kept) > self._entries:
                self._kept.popitem()

    def failures(self) -> dict[str, int]:
        """Give nothing: what fails here fails at once."""
        return {}

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    @property
    def used(self) -> tuple[int, int]:
        """How many values there are, and their bytes."""
        with self._lock:
            return len(self._kept), int(self._kept.currsize)
