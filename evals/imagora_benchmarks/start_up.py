"""What a one-off question costs: `imagora search` from a cold process, against the bare imports and models.

    python -m imagora_benchmarks.start_up [--runs 11]

Bare is a program that does what the command cannot do without: import LlamaIndex's schema, the engine of the index,
ONNX Runtime and the tokenizer, open both, and embed one question. Both are processes of their own, in turn, on an index
of a few texts; medians, by the clock and by the processor's time of the process. Exit code 1 where the command's
processor time is more than 1.3 times as long. `python -X importtime -m imagora search …` says where it goes.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imagora import load
from rich.console import Console
from rich.table import Table

from .sentences import sentences

BOUND = 1.3
WORDS = "a red bicycle in the attic"
RECIPE = """
recipe: 1
extends: starter
source: {use: folder, path: ./texts}
index: {use: qdrant, path: ./index}
"""
BARE = """
import asyncio
from llama_index.core.schema import NodeWithScore, QueryBundle
import qdrant_edge as edge
from imagora_starter.towers import text_tower
from pathlib import Path
vector = text_tower(0).embed(["WORDS"], 1)[0].tolist()
(folder,) = {path.parent for path in Path("index").rglob("edge_config.json")}
shard = edge.EdgeShard.load(str(folder))
points = shard.query(edge.QueryRequest(10, query=edge.Query.Nearest(vector, "text"), with_payload=True))
print(len(points))
"""


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder), runs)
    medians = {name: [statistics.median(times) for times in zip(*rows, strict=True)] for name, rows in taken.items()}
    table = Table("what", "bare, s", "imagora search, s", "ratio", "bound", box=None)
    for place, what in enumerate(("by the clock", "processor time")):
        bare, ours = (medians[name][place] for name in ("bare", "imagora"))
        table.add_row(what, f"{bare:.2f}", f"{ours:.2f}", f"{ours / bare:.2f}", f"≤ {BOUND}" if place else "")
    Console().print(table)
    return int(medians["imagora"][1] > BOUND * medians["bare"][1])


def measure(folder: Path, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Give the seconds of each run, by the clock and of the processor; the first of each is not counted."""
    (folder / "texts").mkdir()
    for number, text in enumerate(sentences()[:40]):
        (folder / "texts" / f"{number}.txt").write_text(text, encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    with load(folder / "recipe.yaml") as pipeline:
        pipeline.ingest()
    commands = {
        "bare": [sys.executable, "-c", BARE.replace("WORDS", WORDS)],
        "imagora": [sys.executable, "-m", "imagora", "search", "recipe.yaml", WORDS],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name in commands if number % 2 else reversed(commands):
            found = _seconds(commands[name], folder)
            if number:
                taken[name].append(found)
    return taken


def _seconds(command: list[str], folder: Path) -> tuple[float, float]:
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    clock, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
