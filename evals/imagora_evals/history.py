"""The history of runs: one SQLite file, a row a run, with its means and its full JSON."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagora.errors import ImagoraError

from .results import EvalRun

PLACE = "IMAGORA_EVALS"
"""The environment variable that names the file; without it, it is .imagora/evals.sqlite where one works."""
_VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, recipe TEXT NOT NULL, recipe_hash TEXT NOT NULL, suite TEXT NOT NULL,
  suite_digest TEXT NOT NULL, part TEXT NOT NULL, generation INTEGER NOT NULL, queries INTEGER NOT NULL,
  versions TEXT NOT NULL, means TEXT NOT NULL, run TEXT NOT NULL)
"""
_COLUMNS = "id, at, recipe, recipe_hash, suite, suite_digest, part, generation, queries, versions, means"


@dataclass(frozen=True)
class Past:
    """A run of the history, without its queries; means: by metric, "p50" and "p95" of a query in seconds, "cost"."""

    id: int
    at: float
    recipe: str
    recipe_hash: str
    suite: str
    suite_digest: str
    part: str
    generation: int
    queries: int
    versions: Mapping[str, str]
    means: Mapping[str, float]


class History:
    """The file's runs; it is made with the first one."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or Path(os.environ.get(PLACE) or Path(".imagora", "evals.sqlite")).expanduser()

    def add(self, run: EvalRun) -> int:
        """Record a run, and give its number."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        row = (run.at, run.recipe, run.recipe_hash, run.suite, run.suite_digest, run.part, run.generation)
        more = (len(run.results), json.dumps(dict(run.versions)), json.dumps(means_of(run)), run.to_json())
        with self._open() as database:
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version = {_VERSION}")
            marks = ", ".join("?" * (len(row) + len(more)))
            columns = f"{_COLUMNS.removeprefix('id, ')}, run"
            added = database.execute(f"INSERT INTO runs ({columns}) VALUES ({marks})", (*row, *more))  # noqa: S608 - our own words
            return int(added.lastrowid or 0)

    def runs(self, recipe: str | None = None, suite: str | None = None) -> list[Past]:
        """Give the runs of a recipe and a suite by their names, oldest first; of all where none is named."""
        if not self.file.is_file():
            return []
        with self._open() as database:
            query = f"SELECT {_COLUMNS} FROM runs WHERE recipe = coalesce(?, recipe) AND suite = coalesce(?, suite)"  # noqa: S608 - our own words
            rows = database.execute(f"{query} ORDER BY at, id", (recipe, suite)).fetchall()
        return [Past(*[*row[:-2], json.loads(row[-2]), json.loads(row[-1])]) for row in rows]

    def run(self, number: int) -> EvalRun:
        """Give a run with all of its queries; raise ImagoraError where there is none of that number."""
        if self.file.is_file():
            with self._open() as database:
                row = database.execute("SELECT run FROM runs WHERE id = ?", (number,)).fetchone()
            if row is not None:
                return EvalRun.from_json(row[0])
        raise ImagoraError(f"there is no run {number} in '{self.file}'; see: imagora eval history", code="IMG-725")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self.file, timeout=30)
            try:
                with database:
                    yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            what = f"the history '{self.file}' cannot be used: {error}"
            raise ImagoraError(f"{what}; move it away, or name another with {PLACE}", code="IMG-725") from error


def means_of(run: EvalRun) -> dict[str, float]:
    """Give what is recorded of a run for the history's tables and plots."""
    from .summary import times

    total = times(run).get("total")
    found: dict[str, Any] = {name: run.mean(name) for name in run.names()}
    found |= {"p50": total[0], "p95": total[1]} if total else {}
    return found | ({"cost": run.cost} if run.cost is not None else {})
