"""Which items a source gave in one run, on disk once they are many."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from imagora.errors import UnusableIndex


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

    def add(self, ids: Sequence[tuple[str, bool]]) -> list[bool]:
        """Put ids in, and say of each whether it had been given before; a pair's second part says whether it is now."""
        keys = [(UUID(id_).bytes, given) for id_, given in ids]
        marks = ",".join("?" * len(keys))
        with self._lock, _told():
            query = f"SELECT id FROM seen WHERE given AND id IN ({marks})"  # noqa: S608 - question marks only
            before = {row[0] for row in self._database.execute(query, [key for key, _ in keys])}
            self._database.executemany(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET given = max(given, excluded.given)", keys
            )
        again: list[bool] = []
        for key, given in keys:
            again.append(key in before)
            if given:
                before.add(key)
        return again

    def __contains__(self, id_: str) -> bool:
        with self._lock, _told():
            return bool(self._database.execute("SELECT 1 FROM seen WHERE id = ?", (UUID(id_).bytes,)).fetchone())

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            self._database.close()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        folder = tempfile.gettempdir()
        raise UnusableIndex(
            f"what the source gave cannot be noted in the temporary folder '{folder}': {error}; make room there, and "
            "the same command goes on"
        ) from error
