"""What a run comes to: means with intervals, by slice, and percentiles of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .results import EvalRun, QueryResult

RESAMPLES, SEED = 2_000, 20_211
PERCENTILES = (50, 95, 99)
_LEAST = 2


@dataclass(frozen=True)
class Estimate:
    """A mean of n queries and its 95 % interval; both ends are the mean where there is but one query."""

    mean: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Give the mean with a bootstrap interval: percentiles of the means of 2,000 resamples, always the same ones."""
    mean = sum(values) / len(values)
    if len(values) < _LEAST or min(values) == max(values):
        return Estimate(mean, mean, mean, len(values))
    import numpy as np
    from scipy.stats import bootstrap  # type: ignore[import-untyped]  # it ships no types

    found = bootstrap(
        (np.asarray(values, float),),
        np.mean,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return Estimate(mean, float(found.confidence_interval.low), float(found.confidence_interval.high), len(values))


def estimates(results: Sequence[QueryResult], names: Sequence[str]) -> dict[str, Estimate]:
    """Give an estimate of each metric that some of the queries have."""
    found = {}
    for name in names:
        values = [one.metrics[name] for one in results if name in one.metrics]
        if values:
            found[name] = estimate(values)
    return found


def by_slice(run: EvalRun, keys: Sequence[str]) -> dict[str, dict[str, list[QueryResult]]]:
    """Give the results by each value of each key, in the order in which values come first; others are left out."""
    found: dict[str, dict[str, list[QueryResult]]] = {}
    for key in keys:
        values: dict[str, list[QueryResult]] = {}
        for one in run.results:
            if key in one.slices:
                values.setdefault(one.slices[key], []).append(one)
        if values:
            found[key] = values
    return found


def times(run: EvalRun) -> dict[str, tuple[float, ...]]:
    """Give the percentiles (50, 95, 99) of each stage's seconds, in the order of stages, the total at the end."""
    import numpy as np

    names = list(dict.fromkeys(name for one in run.results for name in one.seconds))
    names = [name for name in names if name != "total"] + ["total"] * ("total" in names)
    return {
        name: tuple(
            float(value)
            for value in np.percentile([one.seconds[name] for one in run.results if name in one.seconds], PERCENTILES)
        )
        for name in names
    }


def throughput(run: EvalRun) -> float:
    """Give queries a second, one after the other."""
    return len(run.results) / run.seconds if run.seconds else 0.0


def worst(run: EvalRun, metrics: Sequence[str], most: int) -> list[QueryResult]:
    """Give the queries that went worst: failures, wrong refusals and wrong answers, then the lowest in the metrics."""

    def key(one: QueryResult) -> tuple[float, ...]:
        wrong = bool(one.error) or one.metrics.get("wrong_refusal") == 1 or one.metrics.get("right_refusal") == 0
        return (0.0 if wrong else 1.0, *(one.metrics.get(name, 1.0) for name in metrics))

    ranked = sorted(run.results, key=key)
    perfect = (1.0, *(1.0 for _ in metrics))
    return [one for one in ranked if key(one) < perfect][:most]


def failed(run: EvalRun) -> list[QueryResult]:
    """Give the queries that failed."""
    return [one for one in run.results if one.error]


def facts(run: EvalRun) -> Mapping[str, str]:
    """Say of a run what is not a metric, for people to read."""
    said = {
        "recipe": f"{run.recipe} ({run.recipe_hash[:8]})",
        "suite": f"{run.suite} ({run.suite_digest[:8]})" + (f", {run.part}" if run.part else ""),
        "queries": f"{len(run.results)}" + (f", {len(failed(run))} failed" if failed(run) else ""),
        "generation": str(run.generation),
        "throughput": f"{throughput(run):.1f} queries a second, one after the other",
    }
    if run.cost is not None:
        said["cost"] = f"{run.cost:.4g} {run.currency} for 1,000 queries"
    return said
