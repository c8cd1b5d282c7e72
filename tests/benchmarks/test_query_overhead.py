"""What the framework adds to a query stays near its bound; the benchmark in evals/ judges it, on a quiet machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from imagora_benchmarks.query_overhead import BOUND, overhead


def test_a_query_through_stubs_takes_little_of_the_processors_time(tmp_path: Path) -> None:
    """The best of five goes, and twice the bound: other tests' work makes caches cold, and processors differ."""
    found = asyncio.run(overhead(tmp_path, queries=200, passages=20))
    for door, times in found.items():
        goes = np.percentile(times[:, 1].reshape(5, 40), 95, axis=1)
        assert goes.min() <= 2 * BOUND, (door, goes)
