"""A process that is killed while it ingests: the next run brings the index to what the source holds."""

from __future__ import annotations

import json
from pathlib import Path

from toy_distributions import run
from toy_recipes import recipe_of, write

ROUNDS = 10
PROGRAM = """
import os, random, signal, sys, threading, time
from dataclasses import replace
from pathlib import Path
import imagora_ingestion.maker
from imagora import Item, Pipeline
from toy_recipes import CATALOG, check, assemble

imagora_ingestion.maker.BATCH = 4
folder, rounds = Path(sys.argv[1]), int(sys.argv[2])

class Source:
    uri = "killed"
    def __init__(self, round):
        self.round = round
    def count(self):
        return None
    def items(self):
        for number in range(60):
            if (number + self.round) % 7:  # others leave and come back in every round
                yield Item(f"item {number}", f"words {number} of round {self.round}")

def ingest(round):
    plan = check(folder / "toys.yaml", CATALOG)
    stages = assemble(plan)
    with Pipeline(plan, replace(stages, source=Source(round), embedders={"sparse": stages.embedders["sparse"]})) as p:
        return p.ingest()

def in_a_child(round, seconds=None):
    child = os.fork()  # nothing else runs in this process: no thread is lost
    if child == 0:
        if seconds is not None:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        ingest(round)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

chance = random.Random(2026)
in_a_child(0)
started = time.monotonic()
in_a_child(1)
whole = time.monotonic() - started  # what a run takes that is not killed
killed = sum(in_a_child(round, chance.random() * whole) for round in range(2, rounds))
report = ingest(rounds)
expected = {item.uri: item.text for item in Source(rounds).items()}
print(killed, report.done, len(expected))
"""


def test_after_kills_at_random_moments_the_index_holds_what_the_source_holds(tmp_path: Path) -> None:
    write(tmp_path, recipe_of(items=[], index={"use": "toy_memory", "path": "index.json"}))
    done = run("-c", PROGRAM, str(tmp_path), str(ROUNDS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    killed, looked_at, there = map(int, done.stdout.split())
    assert killed >= 2
    assert looked_at == there
    entries = json.loads((tmp_path / "index.json").read_text("utf-8"))["entries"]
    held = [(entry["payload"]["_uri"], entry["payload"]["_text"]) for entry in entries]
    expected = [(f"item {n}", f"words {n} of round {ROUNDS}") for n in range(60) if (n + ROUNDS) % 7]
    assert sorted(held) == sorted(expected)
