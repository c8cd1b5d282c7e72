"""The ledger in a SQLite file."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagora.errors import UnusableIndex
from imagora.ledger import STATES, Row, State
from imagora.stages import Index

_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS items (
    generation INTEGER NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, uri TEXT NOT NULL, content TEXT NOT NULL,
    metadata TEXT NOT NULL, recipe TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (generation, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_source ON items (generation, source);
CREATE TABLE IF NOT EXISTS quarantine (
    generation INTEGER NOT NULL, source TEXT NOT NULL, uri TEXT NOT NULL, reason TEXT NOT NULL, run TEXT NOT NULL,
    PRIMARY KEY (generation, source, uri)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    generation INTEGER NOT NULL, source TEXT NOT NULL, finished INTEGER NOT NULL, PRIMARY KEY (generation, source)
) WITHOUT ROWID;
"""
_PAGE = 1_000
_HARDLY_ANY = 100_000  # bytes
_DURABLE = "FULL"
_ATOMIC = "NORMAL"


def beside(index: Index | None, recipe: str) -> Path:
    """Say where a ledger is that the recipe does not place: beside an embedded index, else in ./.imagora."""
    folder = (index.folder if index else None) or Path(".imagora", recipe)
    return folder.with_name(f"{folder.name}.ledger.sqlite")


class SqliteLedger:
    """What an index holds, in a SQLite file; see `imagora.ledger.Ledger`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._generation = 1

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def open(self, generation: int, *, create: bool = True) -> bool:
        """Open for a generation; without `create`, say False where there is no file."""
        self.close()
        self._generation = generation
        with self._told():
            if not create and not self._path.exists():
                return False
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
            try:
                self._prepare(database)
            except BaseException:
                database.close()
                raise
            self._open = database
        return True

    def _prepare(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA journal_mode = WAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION and database.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise UnusableIndex(
                f"the ledger '{self.place}' is of another version of imagora; remove it, and ingest again"
            )
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {_VERSION}")

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Give the rows of these ids by id."""
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            marks = ",".join("?" * len(page))
            wanted = (
                f"SELECT id, source, uri, content, metadata, recipe FROM items WHERE generation = ? AND id IN ({marks})"  # noqa: S608 - question marks only
            )
            found |= {row[0]: Row(*row) for row in self._all(wanted, *page)}
        return found

    def mark(self, rows: Sequence[Row], state: State) -> None:
        """Write how far items are; what the index may get next must be known before it does, so that is durable."""
        with self._transaction(_DURABLE if state == "embedded" else _ATOMIC) as database:
            database.executemany(
                "INSERT INTO items VALUES (?, ?, ?, ?, '', '', '', ?) "
                "ON CONFLICT (generation, id) DO UPDATE SET state = excluded.state",
                [(self._generation, row.id, row.source, row.uri, state) for row in rows],
            )

    def commit(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those of equal id; what was in quarantine under their names leaves it."""
        with self._transaction(_DURABLE) as database:
            database.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, 'committed')",
                [(self._generation, r.id, r.source, r.uri, r.content, r.metadata, r.recipe) for r in rows],
            )
            database.executemany(
                "DELETE FROM quarantine WHERE generation = ? AND source = ? AND uri = ?",
                [(self._generation, row.source, row.uri) for row in rows],
            )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows by id."""
        with self._transaction(_DURABLE) as database:
            database.executemany(
                "DELETE FROM items WHERE generation = ? AND id = ?", [(self._generation, id_) for id_ in ids]
            )

    def ids(self, source: str | None = None, *, committed: bool = False) -> Iterator[str]:
        """Give the ids of one source or of all, a page at a time."""
        last = ""
        query = "SELECT id FROM items WHERE generation = ? AND id > ?"
        query += " AND content != ''" if committed else ""
        query += "" if source is None else " AND source = ?"
        values = () if source is None else (source,)
        while page := self._all(f"{query} ORDER BY id LIMIT {_PAGE}", last, *values):
            yield from (row[0] for row in page)
            last = page[-1][0]

    def count(self) -> int:
        """Say how many items of all sources the index has for good."""
        return int(self._all("SELECT count(*) FROM items WHERE generation = ? AND content != ''")[0][0])

    def states(self) -> Mapping[State, int]:
        """Say how many items are how far."""
        found = dict(self._all("SELECT state, count(*) FROM items WHERE generation = ? GROUP BY state"))
        return {state: found[state] for state in STATES if state in found}

    def quarantine(self, source: str, run: str, refused: Iterable[tuple[str, str]]) -> None:
        """Put names and reasons into the source's quarantine."""
        with self._transaction(_DURABLE) as database:
            database.executemany(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?)",
                [(self._generation, source, uri, why, run) for uri, why in refused],
            )

    def quarantined(self) -> list[tuple[str, str, str]]:
        """Give what is in quarantine: source, name and reason."""
        return self._all("SELECT source, uri, reason FROM quarantine WHERE generation = ? ORDER BY source, uri")

    def begun(self, source: str) -> bool:
        """Say whether an ingest of the source began."""
        return bool(self._all("SELECT 1 FROM sources WHERE generation = ? AND source = ?", source))

    def begin(self, source: str) -> bool:
        """Write that an ingest of the source begins, and say whether one had begun before."""
        with self._transaction(_DURABLE) as database:
            done = database.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, 0)", (self._generation, source))
            return done.rowcount == 0

    def finish(self, source: str, run: str, *, release: bool) -> None:
        """Write that an ingest reached the source's end."""
        with self._transaction(_DURABLE) as database:
            ended = (self._generation, source, int(time.time()))
            database.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", ended)
            if release:
                others = "DELETE FROM quarantine WHERE generation = ? AND source = ? AND run != ?"
                database.execute(others, (self._generation, source, run))

    def finished(self) -> bool:
        """Say whether an ingest of some source reached its end."""
        return bool(self._all("SELECT 1 FROM sources WHERE generation = ? AND finished LIMIT 1"))

    def finished_at(self) -> Mapping[str, float]:
        """Give by source when an ingest last reached its end; files of before this was written have 1 there."""
        return dict(self._all("SELECT source, finished FROM sources WHERE generation = ? AND finished > 1"))

    def forget(self) -> None:
        """Remove all that is known of this generation."""
        with self._transaction(_DURABLE) as database:
            for table in ("items", "quarantine", "sources"):
                database.execute(f"DELETE FROM {table} WHERE generation = ?", (self._generation,))  # noqa: S608 - our own tables

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            database, self._open = self._open, None
            if database is not None:
                database.close()

    def _all(self, query: str, *values: object) -> list[Any]:
        with self._lock, self._told():
            return self._database.execute(query, (self._generation, *values)).fetchall()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._open is None:
            raise UnusableIndex(f"the ledger '{self.place}' is not open")
        return self._open

    @contextmanager
    def _transaction(self, safety: str) -> Iterator[sqlite3.Connection]:
        # Immediate: all of it or nothing, and two programs wait for one another at its beginning.
        with self._lock, self._told():
            database = self._database
            database.execute(f"PRAGMA synchronous = {safety}")
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or _is_full(self._path)
            remedy = "; make room on its disk, and the same command goes on from there" if full else ""
            raise UnusableIndex(f"the ledger '{self.place}' cannot be used: {error}{remedy}") from error


def _is_full(path: Path) -> bool:
    there = next(one for one in path.absolute().parents if one.exists())
    return shutil.disk_usage(there).free < _HARDLY_ANY
