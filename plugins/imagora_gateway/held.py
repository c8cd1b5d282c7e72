"""The items that callers handed in: kept by the gateway, so that none is lost and all can be embedded again."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeAlias

from imagora import Deleted, Item
from imagora.item import JSONValue, item_id

State: TypeAlias = Literal["pending", "deleting", "committed", "refused"]
_TABLE = """
CREATE TABLE IF NOT EXISTS items (
    recipe TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, uri TEXT NOT NULL, text TEXT NOT NULL,
    metadata TEXT NOT NULL, picture TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, changed REAL NOT NULL,
    PRIMARY KEY (recipe, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_picture ON items (picture);
"""


@dataclass(frozen=True)
class HeldItem:
    """An item that a caller handed in; picture: the hash of its bytes, "" without one."""

    recipe: str
    source: str
    uri: str
    text: str
    metadata: Mapping[str, JSONValue]
    picture: str = ""
    state: State = "pending"
    reason: str = ""

    @property
    def id(self) -> str:
        """Its id in the index."""
        return item_id(self.source, self.uri)


class HeldItems:
    """A SQLite file, and pictures as files by their hash; what a method wrote is durable when it returns."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "items.sqlite", isolation_level=None, check_same_thread=False)
        self._database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLE}")

    def keep(self, picture: bytes) -> str:
        """Keep a picture's bytes, and give their hash."""
        digest = sha256(picture).hexdigest()
        if not (path := self._picture(digest)).exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{threading.get_ident()}.part")
            with part.open("wb") as file:
                file.write(picture)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        return digest

    def put(self, item: HeldItem) -> None:
        """Write an item, in the place of the one with its id."""
        row = (item.recipe, item.id, item.source, item.uri, item.text, json.dumps(item.metadata))
        with self._write() as database:
            database.execute(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, item.picture, item.state, item.reason, time.time()),
            )

    def put_state(self, item: HeldItem, state: State, reason: str = "") -> HeldItem:
        """Write how far it is."""
        self.put(item := replace(item, state=state, reason=reason))
        return item

    def remove(self, item: HeldItem) -> None:
        """Remove an item, and its picture where no other one has it."""
        with self._write() as database:
            database.execute("DELETE FROM items WHERE recipe = ? AND id = ?", (item.recipe, item.id))
            used = database.execute("SELECT 1 FROM items WHERE picture = ?", (item.picture,)).fetchone()
            if item.picture and used is None:
                self._picture(item.picture).unlink(missing_ok=True)

    def get(self, recipe: str, id_: str) -> HeldItem | None:
        """Give an item, None where it is not there."""
        return next(self._items("WHERE recipe = ? AND id = ?", recipe, id_), None)

    def unfinished(self) -> list[HeldItem]:
        """Give what was accepted and is not in the index, or not out of it, since the gateway ended in between."""
        return list(self._items("WHERE state IN ('pending', 'deleting')"))

    def change(self, item: HeldItem) -> Item | Deleted:
        """Give what the index must be told."""
        if item.state == "deleting":
            return Deleted(item.uri)
        path = self._picture(item.picture) if item.picture else None
        return Item(item.uri, item.text, path, dict(item.metadata), version=item.picture or None)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _items(self, where: str, *values: str) -> Iterator[HeldItem]:
        columns = "recipe, source, uri, text, metadata, picture, state, reason"
        with self._lock:
            rows = self._database.execute(f"SELECT {columns} FROM items {where}", values).fetchall()  # noqa: S608 - our own words
        for recipe, source, uri, text, metadata, *rest in rows:
            yield HeldItem(recipe, source, uri, text, json.loads(metadata), *rest)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def _picture(self, digest: str) -> Path:
        return (self._folder / "pictures" / digest[:2] / digest).absolute()
