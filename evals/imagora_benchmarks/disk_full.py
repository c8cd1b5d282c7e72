"""Fills the disk under an index or its ledger while `imagora ingest` runs, makes room, and goes on.

    unshare --mount python -m imagora_benchmarks.disk_full [--items 1000] [--json]

The disk is a small tmpfs, so this needs a mount namespace of its own (root; others add --map-root-user). Every time the
command must end with exit code 1 and a sentence that names what is full and says how to go on; the index answers as
far as it got; with room the same command finishes: nothing missing, nothing twice, and `imagora index verify` agrees.
Exit code 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

WORDS, VOCABULARY = 300, 5_000
GOES_ON = "make room"


@dataclass(frozen=True)
class Case:
    """What is on the small disk, and how large it is; items of 300 words fill 10 kB each in the index."""

    name: str
    index: str
    ledger: str
    size: str
    names: str


CASES = (
    Case("at the very start", "disk/index", "free/ledger.sqlite", "30m", "the disk of the index at"),
    Case("while the index is written", "disk/index", "disk/ledger.sqlite", "70m", "the disk of the index at"),
    Case("while the ledger is written", "free/index", "disk/ledger.sqlite", "1200k", "the ledger '"),
)


@dataclass(frozen=True)
class Result:
    """What was seen in a case; there: entries when it stopped. wrong: what does not hold."""

    name: str
    said: str
    there: int
    whole: int
    wrong: list[str]


def main() -> int:
    """Go through the cases, print them, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = [filled(Path(name), case, chosen.items) for case in CASES]
    if chosen.json:
        print(json.dumps([asdict(result) for result in results]))
    else:
        table = Table("full", "it said", "entries then", "entries at last")
        for one in results:
            table.add_row(one.name, one.said, str(one.there), str(one.whole))
        Console().print(table)
        for one in results:
            print("\n".join(f"wrong: {one.name}: {what}" for what in one.wrong), end="\n" if one.wrong else "")
    return int(any(one.wrong for one in results))


def filled(folder: Path, case: Case, items: int) -> Result:
    """Ingest onto a disk that gets full, look, make room, and ingest again."""
    here = folder / case.name
    _write(here, case, items)
    _mount(here / "disk", case.size)
    try:
        return Result(case.name, *_looked_at(here, case, items))
    finally:
        subprocess.run(["/usr/bin/umount", str(here / "disk")], check=True)


def _looked_at(here: Path, case: Case, items: int) -> tuple[str, int, int, list[str]]:
    wrong: list[str] = []

    def expect(what: str, *, holds: bool) -> None:
        if not holds:
            wrong.append(what)

    stopped = _imagora(here, "ingest")
    said = stopped.stderr.strip().splitlines()[-1] if stopped.stderr.strip() else ""
    expect(f"exit code {stopped.returncode}: {stopped.stderr[-500:]}", holds=stopped.returncode == 1)
    expect(f"it does not name what is full, or how to go on: {said}", holds=case.names in said and GOES_ON in said)
    begun = case.name != "at the very start"
    if begun:
        found = _imagora(here, "search", "word7 word8 word9")
        expect(f"the index does not answer: {found.stderr}", holds=found.returncode == 0 and ".txt" in found.stdout)
    else:
        expect("something is there already", holds=not (here / case.index).exists())
    if case.name == "while the index is written":
        _quite_full(here, expect)
    subprocess.run(["/usr/bin/mount", "-o", "remount,size=300m", str(here / "disk")], check=True)
    done = _imagora(here, "ingest", "--json")
    expect(f"it does not go on: {done.stderr}", holds=done.returncode == 0)
    report = json.loads(done.stdout or "{}")
    there = report.get("unchanged", 0)
    expect(f"it had {there} of {items} when it went on", holds=0 < there < items if begun else there == 0)
    verified = _imagora(here, "index", "verify", "--json")
    seen = json.loads(verified.stdout or "{}")
    agree = verified.returncode == 0 and (seen.get("entries"), seen.get("items")) == (items, items)
    expect(f"index and ledger do not agree: {verified.stdout}{verified.stderr}", holds=agree)
    return said, there, seen.get("entries", 0), wrong


def _quite_full(here: Path, expect: Callable[..., None]) -> None:
    """Let a stranger take the last block; what is there must not be given up for that."""
    try:
        with (here / "disk" / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
    except OSError:
        pass
    for command in (("search", "word7"), ("ingest",)):
        told = _imagora(here, *command)
        clean = told.returncode == 0 or (told.returncode == 1 and "full" in told.stderr and GOES_ON in told.stderr)
        expect(f"{command} on a full disk: {told.returncode} {told.stderr[-500:]}", holds=clean)
        expect(f"{command} gives up the index: {told.stderr}", holds="delete" not in told.stderr)
    (here / "disk" / "filler").unlink()


def _imagora(here: Path, *command: str) -> subprocess.CompletedProcess[str]:
    at = 2 if command[0] == "index" else 1
    words = [sys.executable, "-m", "imagora", *command[:at], "texts.yaml", *command[at:]]
    done = subprocess.run(words, cwd=here, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    if "Traceback" in done.stderr:
        raise RuntimeError(done.stderr[-3000:])
    return done


def _write(here: Path, case: Case, items: int) -> None:
    for name in ("texts", "disk", "free"):
        (here / name).mkdir(parents=True)
    for name, text in texts(items):
        (here / "texts" / name).write_text(text, encoding="utf-8")
    recipe: dict[str, Any] = {
        "recipe": 1,
        "source": {"use": "folder", "path": "./texts"},
        "embedders": {"sparse": {"use": "bm25"}},
        "index": {"use": "qdrant", "path": f"./{case.index}"},
        "ledger": {"use": "sqlite", "path": f"./{case.ledger}"},
        "retriever": {"use": "hybrid"},
    }
    (here / "texts.yaml").write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML


def texts(items: int) -> Iterator[tuple[str, str]]:
    """Give file names and their words, the same ones every time."""
    chance = random.Random(1)  # noqa: S311 - seeded on purpose
    for number in range(items):
        words = " ".join(f"word{chance.randrange(VOCABULARY)}" for _ in range(WORDS))
        yield f"{number:05}.txt", f"text {number} {words}"


def _mount(folder: Path, size: str) -> None:
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)


if __name__ == "__main__":
    sys.exit(main())
