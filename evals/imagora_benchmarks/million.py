"""Whether a million items in the embedded index are found: approximate search against exact, as the index ships.

    python -m imagora_benchmarks.million [--items 1000000] [--queries 1000] [--folder FOLDER]

Clustered vectors of 384 numbers (`clustered.py`) are generated, written, and never held whole; the exact neighbours are
found by numpy from the same stream. The index has the options that ship, and is asked as the retriever asks: 50
candidates, 10 hits, payloads, and raw scores. A folder that is named is kept, and an interrupted run goes on in it.
Bounds: recall@10 of at least 0.99, and a p99 of less than 150 ms. Exit code 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from imagora.stages import LegQuery, SearchRequest
from imagora_evals.sweeping.exact import Nearest
from rich.console import Console
from rich.table import Table

from .clustered import Clustered, Matrix
from .generated_index import Generated, built, id_of, opened

RECALL, P99 = 0.99, 0.150
HITS, CANDIDATES, WARM = 10, 50, 50


def main() -> int:
    """Build, measure, print a table, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep the index here")
    chosen = parser.parse_args()
    generated = Generated(Clustered(chosen.items, seed=chosen.seed))
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        seconds = built(folder, generated, lambda line: print(line, file=sys.stderr))
        queries = generated.vectors.queries(chosen.queries)
        nearest = Nearest(queries, HITS)
        for block in generated.vectors.blocks():
            nearest.show(block)
        index = opened(folder, generated)
        recall, times = measured(index, queries, nearest)
        index.close()
    p50, p99 = np.percentile(times, [50, 99])
    table = Table("items", "built, s", "recall@10", "p50, ms", "p99, ms", "most memory, MB")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
    figures = (f"{seconds:.0f}", f"{recall:.4f}", f"{1000 * p50:.2f}", f"{1000 * p99:.2f}", f"{most:.0f}")
    table.add_row(f"{chosen.items:,}", *figures)
    Console().print(table)
    print(f"bounds: recall@10 of at least {RECALL}, p99 of less than {1000 * P99:.0f} ms")
    return int(recall < RECALL or p99 >= P99)


def measured(index: Any, queries: Matrix, nearest: Nearest) -> tuple[float, list[float]]:
    """Give the mean recall@10 and the seconds of each query, after fifty that are not counted."""
    for vector in queries[:WARM]:
        index.search(_request(vector))
    found, times = 0, []
    for vector, places in zip(queries, nearest.places, strict=True):
        request = _request(vector)
        started = time.perf_counter()
        hits = index.search(request)
        times.append(time.perf_counter() - started)
        found += len({hit.id for hit in hits} & {id_of(int(place)) for place in places})
    return found / nearest.places.size, times


def _request(vector: Matrix) -> SearchRequest:
    return SearchRequest((LegQuery("text", "text", vector.tolist()),), HITS, CANDIDATES)


if __name__ == "__main__":
    sys.exit(main())
