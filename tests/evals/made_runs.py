"""Runs out of numbers, for tests of what is made of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagora_evals.results import EvalRun, QueryResult


def run_of(metrics: Mapping[str, Sequence[float | None]], **said: Any) -> EvalRun:
    """Give a run whose queries q0, q1 … have these values; None: the query has not that metric."""
    count = max(len(values) for values in metrics.values())
    results = [
        QueryResult(
            f"q{place}",
            text=f"query {place}",
            metrics={name: v for name, values in metrics.items() if (v := values[place]) is not None},
            ranking=[(f"{said.get('recipe', 'shop')}-{place}.png", 1.0)],
            seconds={"total": (place + 1) / 100},
        )
        for place in range(count)
    ]
    usual = {"recipe": "shop", "recipe_hash": "0" * 16, "suite": "gallery", "suite_digest": "d" * 32, "at": 0.0}
    return EvalRun(**{**usual, "results": results, **said})
