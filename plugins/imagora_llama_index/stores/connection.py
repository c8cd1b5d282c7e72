"""The connection to the catalogue's SQLite file, one for all threads, and its failures in words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagora.errors import IndexInUse, UnusableIndex

from .schema import SCHEMA

_WAIT = 30.0
_FULL = ("database or disk is full", "disk i/o error")


class Connection:
    """One SQLite file; alone: no other process can have it open.

    What is written is on the disk when `writing` ends; when it ends by an error, nothing of it is there.
    """

    def __init__(self, file: Path, place: str, *, alone: bool) -> None:
        self._place, self._lock = place, threading.RLock()
        with self._in_words():
            self._sqlite = sqlite3.connect(
                file, timeout=0 if alone else _WAIT, isolation_level=None, check_same_thread=False
            )
            try:
                if alone:
                    self._sqlite.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._sqlite.execute("PRAGMA journal_mode = WAL")
                self._sqlite.execute("PRAGMA synchronous = FULL")
                with self.writing() as write:
                    for statement in SCHEMA.split(";"):
                        write(statement)
            except BaseException:
                self._sqlite.close()
                raise

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give what runs a statement within one transaction."""
        with self._lock, self._in_words():
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield self._sqlite.execute
            except BaseException:
                self._sqlite.execute("ROLLBACK")
                raise
            self._sqlite.execute("COMMIT")

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of many rows, within `writing`."""
        self._sqlite.executemany(statement, rows)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Give all the rows of a question."""
        with self._lock, self._in_words():
            return self._sqlite.execute(statement, values).fetchall()

    def version(self) -> tuple[int, int]:
        """Give what changes whenever anybody writes."""
        return self.rows("PRAGMA data_version")[0][0], self._sqlite.total_changes

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sqlite.close()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise UnusableIndex(f"the index at '{self._place}' was closed") from error
        except sqlite3.Error as error:
            raise self._said(error) from error

    def _said(self, error: sqlite3.Error) -> UnusableIndex:
        what = str(error)
        if "locked" in what or "busy" in what:
            return IndexInUse(
                f"the index at '{self._place}' is in use by another process, and takes one at a time; end the other one"
            )
        if what.lower() in _FULL:
            return UnusableIndex(
                f"the disk of the index at '{self._place}' is full; make room, and the same command goes on from there"
            )
        return UnusableIndex(f"the catalogue of the index at '{self._place}' cannot be used: {what}")
