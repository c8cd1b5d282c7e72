"""Making a corpus once for its options, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from imagora.options import Options, as_json

from imagora_evals.places import cache_folder


@dataclass(frozen=True)
class Made:
    """A folder with `corpus`, and what else was made; identity: what tells its content from others', as JSON."""

    folder: Path
    identity: Any


@dataclass(frozen=True)
class Maker:
    """Makes a corpus, and pictures, queries and judgements where the suite has none of its own.

    version: changes whenever what it makes does. write: fills a folder: `corpus`, and beside it `queries.jsonl`,
    `qrels` and what these name. made_of: a hash of what it reads; raises MissingExtra where that is not there.
    """

    name: str
    version: int
    options: type[Options]
    write: Callable[[Path, Any], None]
    made_of: Callable[[], str]

    def made(self, options: Options | None) -> Made:
        """Give the folder for these options; it is filled where it is not there."""
        chosen = options or self.options()
        identity = [self.name, self.version, as_json(chosen.model_dump()), self.made_of()]
        digest = sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
        folder = cache_folder() / "made" / f"{self.name}-{digest}"
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(mkdtemp(dir=folder.parent, prefix="under-way-"))
            try:
                self.write(scratch, chosen)
                if not folder.is_dir():  # another process may have been as fast
                    scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return Made(folder, identity)


def write_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, "utf-8")


def write_qrels(file: Path, grades: Mapping[str, Mapping[str, int]]) -> None:
    """Write judgements in the TREC form."""
    lines = (f"{query} 0 {uri} {grade}\n" for query, judged in grades.items() for uri, grade in judged.items())
    file.write_text("".join(lines), "utf-8")
