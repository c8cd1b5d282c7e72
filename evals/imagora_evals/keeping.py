"""The results of a run that was interrupted, kept until the same run is done."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from .places import cache_folder
from .results import QueryResult

_RESULT = TypeAdapter(QueryResult)
LONGEST = 24 * 3600.0
"""Seconds after which what an interrupted run has left is not taken up again."""


class Kept:
    """A file with a result a line; parts: all that must be equal for its results to be taken."""

    def __init__(self, *parts: object) -> None:
        name = sha256(repr(parts).encode()).hexdigest()[:24]
        self.file: Path = cache_folder() / "interrupted" / f"{name}.jsonl"

    def results(self) -> dict[str, QueryResult]:
        """Give what an interrupted run has done, by query's id; what failed is asked again."""
        try:
            if time.time() - self.file.stat().st_mtime > LONGEST:
                return {}
            lines = self.file.read_text("utf-8").splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            try:
                result = _RESULT.validate_json(line)
            except ValidationError:  # the line that was under way
                continue
            if not result.error:
                found[result.id] = result
        return found

    def add(self, result: QueryResult) -> None:
        """Write one result down."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(_RESULT.dump_json(result).decode() + "\n")

    def forget(self) -> None:
        """Take them away: the run is done, or they are of another index."""
        self.file.unlink(missing_ok=True)
