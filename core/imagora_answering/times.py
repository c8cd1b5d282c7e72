"""How long the stages of recent queries took: a small file beside the index, which never holds what was asked.

A line a query: when, which recipe by its hash, and each stage's name and milliseconds. The query only puts its line
into a list; a thread of its own writes what has gathered, now and then. When the file is full it becomes the one before
and a new one begins, so that there are never more than two. Several processes may write: each writes whole lines at the
file's end.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from imagora.answer import StageRecord
from imagora.stages import Index

EVERY_SECONDS = 2.0
MOST_BYTES = 200_000
MOST_WAITING = 1_000
OFF = "IMAGORA_TIMES"
"""The environment variable that is `off` where nothing is to be written."""
Stage: TypeAlias = tuple[str, str, int]
"""A stage's place, its component, and the how manyth of these it is in the query."""


def times_file(index: Index | None, recipe: str) -> Path:
    """Say where the times of a recipe are: beside an embedded index, else in ./.imagora."""
    folder = (index.folder if index else None) or Path(".imagora", recipe)
    return folder.with_name(f"{folder.name}.times.jsonl")


class StageTimes:
    """Gathers the times of queries and writes them; never raises, and makes no folder."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: deque[tuple[float, str, str, Sequence[StageRecord]]] = deque(maxlen=MOST_WAITING)
        self._lock = threading.Lock()
        self._due = False

    def add(self, kind: str, recipe_hash: str, stages: Sequence[StageRecord]) -> None:
        """Take the times of one query."""
        self._waiting.append((time.time(), kind, recipe_hash, stages))
        if not self._due:
            self._due = True
            with contextlib.suppress(RuntimeError):  # no thread begins while the program ends
                threading.Thread(target=self._later, name="imagora-times", daemon=True).start()

    def flush(self) -> None:
        """Write what has gathered."""
        with self._lock, contextlib.suppress(OSError, RuntimeError):
            lines = "".join(self._lines())
            if not lines or os.environ.get(OFF) == "off" or not self._file.parent.is_dir():
                return
            if self._file.exists() and self._file.stat().st_size > MOST_BYTES:
                self._file.replace(_before(self._file))
            # One write at the file's end: lines of two processes do not mix.
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, lines.encode())
            finally:
                os.close(handle)

    def _later(self) -> None:
        time.sleep(EVERY_SECONDS)
        self._due = False
        self.flush()

    def _lines(self) -> Iterator[str]:
        while self._waiting:
            when, kind, recipe, stages = self._waiting.popleft()
            took = [[one.stage, one.component, round(1000 * one.seconds, 3)] for one in stages]
            yield json.dumps([round(when, 1), kind, recipe, took], separators=(",", ":")) + "\n"


def recent(file: Path, recipe_hash: str) -> dict[Stage, list[float]]:
    """Give the milliseconds of each stage in recent queries of a recipe, oldest first; nothing where none are known."""
    found: dict[Stage, list[float]] = {}
    for line in (*_read(_before(file)), *_read(file)):
        with contextlib.suppress(ValueError, TypeError):  # half a line, or a stranger's
            _, _, recipe, stages = json.loads(line)
            if recipe == recipe_hash:
                _add(found, stages)
    return found


def _add(found: dict[Stage, list[float]], stages: list[Any]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for stage, component, milliseconds in stages:
        number = seen[stage, component] = seen.get((stage, component), -1) + 1
        found.setdefault((str(stage), str(component), number), []).append(float(milliseconds))


def _before(file: Path) -> Path:
    return file.with_name(f"{file.name}.1")


def _read(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
