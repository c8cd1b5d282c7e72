"""Whether `imagora plan` says the memory and the disk that the embedded index then takes.

    python -m imagora_benchmarks.plan_checked [--items 10000] [--folder FOLDER]

Generated items (384 numbers, some 18 terms, a caption's payload, an indexed field) are written to the embedded index as
it ships. Disk is what its files have of blocks. Memory is measured in a process of its own that opens the index: what
it has more once an exact search and hundreds of approximate ones have read everything that searches read. A folder that
is named is kept, and an interrupted run goes on in it. Bound: the plan is at most 25 % off. Exit code 1 beyond it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from imagora.stages import Entry, LegQuery, SearchRequest, SparseVector
from imagora_evals.planning.figures import Figure, in_bytes
from imagora_evals.planning.needs import Layout, Needs
from imagora_evals.planning.room import disk, memory
from imagora_evals.sweeping.memory import held
from imagora_recipe.check import check
from rich.console import Console
from rich.table import Table

from .clustered import Clustered
from .generated_index import Generated, built, opened

BOUND = 0.25
SEARCHES = 500


def main() -> int:
    """Build, measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="keep the index here")
    parser.add_argument("--memory", action="store_true", help="only measure the memory of the index in the folder")
    chosen = parser.parse_args()
    generated = Generated(Clustered(chosen.items), whole=True)
    if chosen.memory:
        print(json.dumps(memory_of(chosen.folder, generated)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        seconds = built(folder, generated, lambda line: print(line, file=sys.stderr))
        command = [sys.executable, "-m", "imagora_benchmarks.plan_checked", "--items", str(chosen.items), "--memory"]
        done = subprocess.run([*command, "--folder", str(folder)], stdout=subprocess.PIPE, check=True)
        measured = {"memory": float(json.loads(done.stdout)), "disk": float(disk_of(folder / "index"))}
        planned = figures_for(folder, generated)
    table, worst = Table(f"of {chosen.items:,} items", "planned", "measured", "off by", "bound"), 0.0
    for name, took in measured.items():
        off = planned[name] / took - 1
        worst = max(worst, abs(off))
        table.add_row(name, in_bytes(planned[name]), in_bytes(took), f"{off:+.1%}", f"±{BOUND:.0%}")
    Console().print(table)
    print(f"written and indexed in {seconds:.0f} s")
    return int(worst > BOUND)


def figures_for(folder: Path, generated: Generated) -> dict[str, float]:
    """Give what the plan says for these items: memory held by searches, and disk used."""
    plan = check(folder / "recipe.yaml")
    assert plan.index is not None  # noqa: S101 - the recipe has one
    layout = Layout(
        "generated", "qdrant", plan.index.options.model_dump(), {"text": generated.vectors.dimension}, sparse=True
    )
    some: list[Entry] = [generated.entry(number, []) for number in range(0, generated.vectors.items, 97)]
    terms = [len(vector.indices) for one in some if isinstance(vector := one.vectors["sparse"], SparseVector)]
    payload = sum(len(json.dumps(one.payload)) for one in some) / len(some)
    needs = Needs(generated.vectors.items, 0, sum(terms) / len(terms), payload)
    return {"memory": _named(memory(layout, needs), "held by searches"), "disk": _named(disk(layout, needs), "used")}


def _named(figures: list[Figure], name: str) -> float:
    return next(one.value or 0.0 for one in figures if one.name == name)


def disk_of(folder: Path) -> int:
    """Give the bytes of the blocks that files have; the engine's files have holes."""
    return sum(512 * file.stat().st_blocks for file in folder.rglob("*") if file.is_file())


def memory_of(folder: Path, generated: Generated) -> int:
    """Open the index, read all that searches read, and give the bytes that this process has more than before."""
    queries = generated.vectors.queries(SEARCHES).tolist()
    words = [generated.entry(number, []).vectors["sparse"] for number in range(SEARCHES)]
    nearest = edge.Query.Nearest(queries[0], "text")
    exact = edge.QueryRequest(10, query=nearest, params=edge.SearchParams(exact=True))
    before = held()
    index: Any = opened(folder, generated)
    index._open_one[1]._open.query(exact)
    for vector, sparse in zip(queries, words, strict=True):
        legs = (LegQuery("text", "text", vector), LegQuery("sparse", "sparse", sparse))
        index.search(SearchRequest(legs, 10, 50))
    after = held()
    index.close()
    return after - before


if __name__ == "__main__":
    sys.exit(main())
