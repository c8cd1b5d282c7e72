"""The ledger: what was ingested, from which content, made by what; written after the index, so that it never lies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagora.errors import UnusableIndex

_TABLE = """
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, uri TEXT NOT NULL, content TEXT NOT NULL,
    metadata TEXT NOT NULL, recipe TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_source ON items (source);
CREATE TABLE IF NOT EXISTS quarantine (
    source TEXT NOT NULL, uri TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (source, uri)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Row:
    """An item that the index holds.

    content: a hash of what is embedded, its words and picture; metadata: one of the rest; recipe: of what embedded it.
    """

    id: str
    source: str
    uri: str
    content: str
    metadata: str
    recipe: str


class Ledger:
    """What an index holds, in a SQLite file; a row is written only after the index has the item for good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_TABLE)

    def rows(self, source: str) -> dict[str, Row]:
        """Give the rows of a source, by item id."""
        query = "SELECT id, source, uri, content, metadata, recipe FROM items WHERE source = ?"
        with self._told():
            return {row[0]: Row(*row) for row in self._database.execute(query, (source,))}

    def count(self) -> int:
        """Say how many items of all sources the index has for good."""
        with self._told():
            return int(self._database.execute("SELECT count(*) FROM items WHERE content != ''").fetchone()[0])

    def ids(self) -> Iterator[str]:
        """Give the ids of what the index has for good."""
        with self._told():
            yield from (row[0] for row in self._database.execute("SELECT id FROM items WHERE content != ''"))

    def quarantined(self) -> list[tuple[str, str, str]]:
        """Give what could not be used at the last ingest of each source: source, name and reason."""
        with self._told():
            found = self._database.execute("SELECT source, uri, reason FROM quarantine ORDER BY source, uri")
            return [(str(source), str(uri), str(reason)) for source, uri, reason in found]

    def intend(self, rows: Sequence[Row]) -> None:
        """Write that these items are about to be written: rows without content, where there is none yet.

        So that an item which the index got before a crash, and which left its source before the next run, is known.
        """
        with self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO items VALUES (?, ?, ?, '', '', '')",
                [(row.id, row.source, row.uri) for row in rows],
            )

    def commit(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those of equal id; what was in quarantine under their names leaves it."""
        with self._transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)",
                [(row.id, row.source, row.uri, row.content, row.metadata, row.recipe) for row in rows],
            )
            self._database.executemany(
                "DELETE FROM quarantine WHERE source = ? AND uri = ?", [(row.source, row.uri) for row in rows]
            )

    def delete(self, ids: Iterable[str]) -> None:
        """Remove rows by id."""
        with self._transaction():
            self._database.executemany("DELETE FROM items WHERE id = ?", [(id_,) for id_ in ids])

    def quarantine(self, source: str, refused: Iterable[tuple[str, str]], *, everything: bool = True) -> None:
        """Put names and reasons into the source's quarantine, in place of all that was in it or, else, beside that."""
        with self._transaction():
            if everything:
                self._database.execute("DELETE FROM quarantine WHERE source = ?", (source,))
            self._database.executemany(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?)", [(source, uri, why) for uri, why in refused]
            )

    def forget(self) -> None:
        """Remove every row, because the index lost what they speak of."""
        with self._transaction():
            self._database.execute("DELETE FROM items")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # Immediate: all of it or nothing, and two programs wait for one another at its beginning.
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UnusableIndex(f"the ledger '{self.path}' cannot be used: {error}") from error
