"""Feedback on answers: kept in SQLite with the answer's request, and written out as a suite to measure with."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from ruamel.yaml import YAML

from .recent import Recent

Rating: TypeAlias = Literal["up", "down"]
_TABLES = """
CREATE TABLE IF NOT EXISTS feedback (
    request TEXT NOT NULL, caller TEXT NOT NULL, at REAL NOT NULL, tenant TEXT NOT NULL, recipe TEXT NOT NULL,
    recipe_hash TEXT NOT NULL, rating TEXT NOT NULL, comment TEXT NOT NULL, question TEXT NOT NULL,
    answer TEXT NOT NULL, uris TEXT NOT NULL, trace TEXT NOT NULL DEFAULT '', PRIMARY KEY (request, caller)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pictures (
    request TEXT NOT NULL, number INTEGER NOT NULL, png BLOB NOT NULL, PRIMARY KEY (request, number)
);
"""


@dataclass(frozen=True)
class Judged:
    """A question with what was thought of its answer; trace: the answer's, "" where an older version kept it."""

    request: str
    recipe: str
    recipe_hash: str
    rating: Rating
    comment: str
    question: str = field(repr=False)
    answer: str = field(repr=False)
    uris: tuple[str, ...]
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    trace: str = ""


class Feedback:
    """A SQLite file; what was given is durable when `add` returns."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "feedback.sqlite", isolation_level=None, check_same_thread=False)
        self._database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}")
        columns = [row[1] for row in self._database.execute("PRAGMA table_info(feedback)")]
        if "trace" not in columns:  # of a file that an older version made
            self._database.execute("ALTER TABLE feedback ADD COLUMN trace TEXT NOT NULL DEFAULT ''")

    def add(self, request: str, caller: str, rating: Rating, comment: str, on: Recent) -> None:
        """Write what a caller thinks of an answer, in the place of what they thought before."""
        row = (request, caller, time.time(), on.tenant, on.recipe, on.recipe_hash, rating, comment)
        whole = (*row, on.question, on.answer, json.dumps(on.uris), on.trace)
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", whole)
            self._database.executemany(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)",
                [(request, number, png) for number, png in enumerate(on.pictures)],
            )
            self._database.execute("COMMIT")

    def all(self, recipe: str | None = None) -> Iterator[Judged]:
        """Give all feedback, the oldest first; of one recipe, or of all."""
        columns = "request, recipe, recipe_hash, rating, comment, question, answer, uris, trace"
        with self._lock:
            rows = self._database.execute(f"SELECT {columns} FROM feedback ORDER BY at").fetchall()  # noqa: S608 - our own words
        for request, of, hash_, rating, comment, question, answer, uris, trace in rows:
            if recipe in (None, of):
                said = (request, of, hash_, rating, comment, question, answer, tuple(json.loads(uris)))
                yield Judged(*said, self._pictures(request), trace)

    def _pictures(self, request: str) -> tuple[bytes, ...]:
        with self._lock:
            rows = self._database.execute("SELECT png FROM pictures WHERE request = ? ORDER BY number", (request,))
            return tuple(row[0] for row in rows.fetchall())

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def write_suite(folder: Path, name: str, judged: Sequence[Judged]) -> int:
    """Write feedback as a suite, and give the number of its queries.

    What a liked answer cites is relevant, and the answer a good one; what a disliked one cites is not. Opinions are in
    a file beside, each with its comment and the id of its answer's trace. A question that was asked more than once is
    one query; liked and disliked citations are counted, and the more frequent judgement stands.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    asked: dict[tuple[str, tuple[bytes, ...]], list[Judged]] = {}
    for one in judged:
        asked.setdefault((one.question, one.pictures), []).append(one)
    queries, qrels, opinions = [], [], []
    for number, same in enumerate(asked.values(), start=1):
        id_ = f"feedback-{number:04}"
        queries.append(_query(folder, id_, same))
        qrels += [{"query": id_, "uri": uri, "grade": grade} for uri, grade in _grades(same).items()]
        opinions += [
            {"query": id_, "rating": one.rating, "comment": one.comment, "trace": one.trace, "request": one.request}
            for one in same
        ]
    _lines(folder / "queries.jsonl", queries)
    _lines(folder / "qrels.jsonl", qrels)
    _lines(folder / "opinions.jsonl", opinions)
    said = {"suite": 1, "name": name, "description": "Questions of users, judged by what they thought of the answers."}
    with (folder / "suite.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({**said, "slices": ["rating"]}, file)
    return len(queries)


def _query(folder: Path, id_: str, same: Sequence[Judged]) -> dict[str, object]:
    liked = [one.answer for one in same if one.rating == "up" and one.answer]
    names = []
    for number, png in enumerate(same[0].pictures, start=1):
        names.append(f"pictures/{id_}-{number}.png")
        (folder / names[-1]).write_bytes(png)
    ratings = {one.rating for one in same}
    slices = {"rating": ratings.pop() if len(ratings) == 1 else "both"}
    query: dict[str, object] = {"id": id_, "text": same[0].question, "pictures": names, "slices": slices}
    return query | ({"answer": liked[-1]} if liked else {})


def _grades(same: Sequence[Judged]) -> dict[str, int]:
    votes: dict[str, int] = {}
    for one in same:
        for uri in one.uris:
            votes[uri] = votes.get(uri, 0) + (1 if one.rating == "up" else -1)
    return {uri: int(sum_ > 0) for uri, sum_ in votes.items()}


def _lines(file: Path, lines: Sequence[object]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8")
