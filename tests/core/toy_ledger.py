"""The toy plugin's ledger: one JSON file, which is written anew at every change."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from imagora.ledger import Row, State


class ToyLedger:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.generation = "1"
        self.read: tuple[int, int] | None = None
        self.kept: dict[str, Any] = {}

    @property
    def place(self) -> str:
        return str(self.path)

    def open(self, generation: int, *, create: bool = True) -> bool:
        self.generation = str(generation)
        if create and not self.path.exists():
            with self.writing():
                pass
        return self.path.exists()

    def close(self) -> None:
        self.read = None

    @contextmanager
    def reading(self) -> Iterator[dict[str, Any]]:
        """Give what the file has for the generation; another process may have written it meanwhile."""
        with self.lock:
            if self.path.exists() and (now := (self.path.stat().st_ino, self.path.stat().st_mtime_ns)) != self.read:
                self.kept, self.read = json.loads(self.path.read_text("utf-8")), now
            yield self.kept.setdefault(self.generation, {"rows": {}, "refused": {}, "sources": {}})

    @contextmanager
    def writing(self) -> Iterator[dict[str, Any]]:
        with self.reading() as here:
            before = json.dumps(self.kept)
            try:
                yield here
            except BaseException:
                self.kept = json.loads(before)
                raise
            self.write(json.dumps(self.kept))

    def write(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        self.read = self.path.stat().st_ino, self.path.stat().st_mtime_ns

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        with self.reading() as here:
            return {id_: Row(*here["rows"][id_][0]) for id_ in ids if id_ in here["rows"]}

    def mark(self, rows: Sequence[Row], state: State) -> None:
        with self.writing() as here:
            for row in rows:
                first = [astuple(replace(row, content="", metadata="", recipe="")), state]
                here["rows"].setdefault(row.id, first)[1] = state

    def commit(self, rows: Sequence[Row]) -> None:
        with self.writing() as here:
            for row in rows:
                here["rows"][row.id] = [astuple(row), "committed"]
                here["refused"].pop(json.dumps([row.source, row.uri]), None)

    def delete(self, ids: Sequence[str]) -> None:
        with self.writing() as here:
            for id_ in ids:
                here["rows"].pop(id_, None)

    def ids(self, source: str | None = None, *, committed: bool = False) -> Iterator[str]:
        last = ""
        while page := self.page(source, last, committed=committed)[:1000]:
            yield from page
            last = page[-1]

    def page(self, source: str | None, last: str, *, committed: bool) -> list[str]:
        with self.reading() as here:
            rows = [Row(*row) for row, _ in here["rows"].values()]
        fits = [row for row in rows if source in (None, row.source) and (row.content or not committed)]
        return sorted(row.id for row in fits if row.id > last)

    def count(self) -> int:
        with self.reading() as here:
            return sum(bool(Row(*row).content) for row, _ in here["rows"].values())

    def states(self) -> Mapping[State, int]:
        with self.reading() as here:
            return Counter(state for _, state in here["rows"].values())

    def quarantine(self, source: str, run: str, refused: Iterable[tuple[str, str]]) -> None:
        with self.writing() as here:
            for uri, reason in refused:
                here["refused"][json.dumps([source, uri])] = [source, uri, reason, run]

    def quarantined(self) -> list[tuple[str, str, str]]:
        with self.reading() as here:
            return sorted((source, uri, reason) for source, uri, reason, _ in here["refused"].values())

    def begun(self, source: str) -> bool:
        with self.reading() as here:
            return source in here["sources"]

    def begin(self, source: str) -> bool:
        with self.writing() as here:
            before = source in here["sources"]
            here["sources"].setdefault(source, False)
            return before

    def finish(self, source: str, run: str, *, release: bool) -> None:
        with self.writing() as here:
            here["sources"][source] = time.time()
            for key, (theirs, _, _, by) in list(here["refused"].items()):
                if release and theirs == source and by != run:
                    del here["refused"][key]

    def finished(self) -> bool:
        with self.reading() as here:
            return any(here["sources"].values())

    def finished_at(self) -> Mapping[str, float]:
        with self.reading() as here:
            return {source: when for source, when in here["sources"].items() if when}

    def forget(self) -> None:
        with self.writing() as here:
            for part in here.values():
                part.clear()
