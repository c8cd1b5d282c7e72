"""Which items a source gave in one run, on disk once they are many."""

from __future__ import annotations

import sqlite3
import threading
from uuid import UUID


class Seen:
    """A set of item ids that does not grow in memory: SQLite keeps a little of it there and the rest in a file."""

    def __init__(self) -> None:
        # Without a name the file is temporary, and gone when this is closed or the process ends in whatever way.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (id BLOB PRIMARY KEY, given INTEGER NOT NULL) WITHOUT ROWID"
        )

    def add(self, id_: str, *, given: bool) -> bool:
        """Put an id in, and say whether it had been given before; one that could not be read is seen and not given."""
        key = UUID(id_).bytes
        with self._lock:
            before = self._database.execute("SELECT given FROM seen WHERE id = ?", (key,)).fetchone()
            again = bool(before and before[0])
            self._database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, given or again))
            return again

    def __contains__(self, id_: str) -> bool:
        with self._lock:
            return bool(self._database.execute("SELECT 1 FROM seen WHERE id = ?", (UUID(id_).bytes,)).fetchone())

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            self._database.close()
