"""The words of unchanged objects, kept from run to run in a SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self

from imagora.errors import SourceError

from .store import Object

_TABLE = (
    "CREATE TABLE IF NOT EXISTS words (source TEXT, name TEXT, version TEXT, text TEXT, PRIMARY KEY (source, name))"
)


class KeptWords:
    """Words by object and version; what a whole listing did not see is forgotten at its end."""

    def __init__(self, path: Path, source: str) -> None:
        self.path, self.source = path, source
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._file.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(f"the words' file '{self.path}' cannot be used: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def get(self, found: Object) -> str | None:
        """Give an object's words, None where they are not known in this version."""
        self._seen.add(found.name)
        asked = "SELECT text FROM words WHERE source = ? AND name = ? AND version = ?"
        row = self._file.execute(asked, (self.source, found.name, found.version)).fetchone()
        return str(row[0]) if row else None

    def put(self, found: Object, text: str) -> None:
        """Keep an object's words, in place of those of an earlier version."""
        if found.version is not None:
            said = (self.source, found.name, found.version, text)
            self._file.execute("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", said)

    def forget_unseen(self) -> None:
        """Forget the words of objects that were not asked for: they are gone."""
        names = self._file.execute("SELECT name FROM words WHERE source = ?", (self.source,)).fetchall()
        gone = [(self.source, name) for (name,) in names if name not in self._seen]
        self._file.executemany("DELETE FROM words WHERE source = ? AND name = ?", gone)
