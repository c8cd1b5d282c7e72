"""Qdrant's engine on one generation of a folder: once in this process, however many indexes have it open.

A folder belongs to one process at a time. Within that process a recipe can be exchanged for another one, or several
recipes can answer from one folder, only if they share the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

import qdrant_edge as edge

from .content_version import ContentVersion
from .folder_layout import INDEX, LOCK, numbered
from .folder_lock import FolderLock


class Shard:
    """One engine and its folder's lock, held by any number of stores; both are let go of with the last one.

    writes: since graphs of near vectors were built last.
    """

    def __init__(self, folder: Path, generation: int, place: str) -> None:
        self._lock = FolderLock(folder / numbered(LOCK, generation), place)
        self._turn = threading.RLock()
        self._holders = 0
        self._engine: edge.EdgeShard | None = None
        self._folder = folder / numbered(INDEX, generation)
        self._content: ContentVersion | None = None
        self.writes = 0

    def hold(self) -> None:
        """Count one more; the first one takes the folder's lock: IndexInUse where another process has it."""
        with self._turn:
            self._lock.take()
            self._holders += 1

    def loaded(self, load: Callable[[], edge.EdgeShard]) -> edge.EdgeShard:
        """Give the engine; the first one loads it."""
        with self._turn:
            if self._engine is None:
                self._engine = load()
                self._content = ContentVersion(self._folder)
            return self._engine

    @property
    def content(self) -> ContentVersion:
        """What its content is called; only while the engine is loaded."""
        assert self._content is not None  # noqa: S101 - who holds an engine has loaded it
        return self._content

    def let_go(self, finish: Callable[[edge.EdgeShard], None]) -> None:
        """Count one less; with the last one the engine is finished and closed, and the lock is free."""
        with self._turn:
            self._holders -= 1
            if self._holders:
                return
            engine, self._engine = self._engine, None
            content, self._content = self._content, None
            try:
                if engine is not None:
                    finish(engine)
                    engine.flush()
                    engine.close()
                if content is not None:
                    content.end()
            finally:
                self._lock.release()


# The process's own, as the folder's lock is: two engines on one folder are what must never be.
_shards: WeakValueDictionary[tuple[Path, int], Shard] = WeakValueDictionary()
_guard = threading.Lock()


def shard_of(folder: Path, generation: int, place: str) -> Shard:
    """Give this process's only shard of a generation, whoever asks; nothing is locked or loaded yet."""
    key = (folder.resolve(), generation)
    with _guard:
        shard = _shards.get(key)
        if shard is None:
            shard = _shards[key] = Shard(folder, generation, place)
        return shard
