"""Which names a table has had, kept on the disk: a million of them must not fill the memory."""

from __future__ import annotations

import hashlib
import sqlite3


class Names:
    """Every name with the row that had it first."""

    def __init__(self) -> None:
        # An empty path is SQLite's temporary database: in memory while small, then a file that vanishes by itself.
        self._kept = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._kept.execute("PRAGMA journal_mode=OFF")
        self._kept.execute("PRAGMA cache_size=-8000")
        self._kept.execute("CREATE TABLE names (name BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID")
        self._kept.execute("BEGIN")

    def first(self, name: str, place: str) -> str | None:
        """Keep a name; give the place that had it before, None where it is new."""
        key = hashlib.blake2b(name.encode(), digest_size=16).digest()
        if self._kept.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (key, place)).rowcount:
            return None
        (place,) = self._kept.execute("SELECT place FROM names WHERE name = ?", (key,)).fetchone()
        return place

    def close(self) -> None:
        """Let go of them."""
        self._kept.close()
