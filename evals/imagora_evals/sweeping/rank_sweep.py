"""A sweep of what ranks: weights of legs, fusion, depth of rerankers, by the suite's judgements.

Choosing by a measurement and reporting the same one flatters what was chosen: the best of many is partly the luckiest.
So half of the queries choose, and the other half, which had no part in it, says what the choice is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from imagora_evals.laying import How
from imagora_evals.ranking import measured
from imagora_evals.results import EvalRun
from imagora_evals.running import run_suite
from imagora_evals.suite import Suite

from .grid import Point, settings
from .index_sweep import OnPoint
from .results import Result

FEW = 25
"""Queries in a half, with fewer of which nothing is said to be better."""
ROUNDS = 2_000


@dataclass(frozen=True)
class Of:
    """The recipe that is swept, as the command line named it, how it is asked, and the metric that judges it."""

    recipe: str
    suite: Suite
    how: How
    metric: str


def sweep(of: Of, points: Sequence[Point], on_point: OnPoint) -> tuple[Result, list[Result]]:
    """Give the result of the recipe as it is, and of every point. A query that failed counts as nothing found."""
    chooses = halves(of.suite)

    def result(point: Point) -> Result:
        how = replace(of.how, assigned=[*of.how.assigned, *settings(point)], search_only=True)
        return _result(point, run_suite(of.recipe, of.suite, how), of, chooses)

    on_point(0, len(points) + 1, {})
    as_it_is, found = result({}), []
    for number, point in enumerate(points, start=1):
        on_point(number, len(points) + 1, point)
        found.append(result(point))
    on_point(len(points) + 1, len(points) + 1, {})
    return as_it_is, found


def halves(suite: Suite) -> dict[str, bool]:
    """Say of every judged query, by its id, whether it chooses; the same for the same suite, whatever its order."""
    judged = sorted((one.id for one in suite.queries if suite.relevant(one.id)), key=_mixed)
    return {id_: number % 2 == 0 for number, id_ in enumerate(judged)}


def _mixed(id_: str) -> str:
    return sha256(id_.encode()).hexdigest()


def _result(point: Point, run: EvalRun, of: Of, chooses: Mapping[str, bool]) -> Result:
    by_query = {}
    for one in run.results:
        if one.id in chooses:
            ranking = [uri for uri, _ in one.ranking]
            by_query[one.id] = measured([of.metric], of.suite.relevant(one.id), ranking)[of.metric] if ranking else 0.0
    times = [one.seconds.get("total", 0.0) for one in run.results]
    p50, p99 = (float(value) for value in np.percentile(times, [50, 99]))
    value, held = (_mean(by_query, chooses, which) for which in (True, False))
    return Result(point, value, p50, p99, held=held, by_query=by_query)


def _mean(by_query: Mapping[str, float], chooses: Mapping[str, bool], which: bool) -> float:
    values = [value for id_, value in by_query.items() if chooses[id_] is which]
    return sum(values) / len(values) if values else 0.0


def remarks(as_it_is: Result, chosen: Result | None, suite: Suite, metric: str) -> list[str]:
    """Say what the choice is worth on the half that had no part in it, and whether the suite is too small to tell."""
    chooses = halves(suite)
    count = sum(not one for one in chooses.values())
    found = []
    if count < FEW:
        found.append(
            f"{count} held-out queries are too few to say that anything is better; with {FEW} or more it may be said"
        )
    if chosen is None or not count:
        return found
    if not chosen.point:
        return [*found, "nothing that was tried is better than the recipe as it is"]
    gains = np.array([chosen.by_query[i] - as_it_is.by_query[i] for i, one in chooses.items() if not one])
    low, high = _interval(gains)
    said = (
        f"on the {count} queries that had no part in the choice, {metric} is {as_it_is.held:.3f} as the recipe is and "
    )
    said += f"{chosen.held:.3f} with the choice: {gains.mean():+.3f}, with 95 % between {low:+.3f} and {high:+.3f}"
    found.append(said)
    if low <= 0:
        found.append("no gain is certain: this interval holds 0")
    return found


def _interval(gains: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    """Give the 95 % interval of the mean by the paired bootstrap (Efron 1979), percentiles, seeded."""
    random = np.random.default_rng(0)
    means = random.choice(gains, size=(ROUNDS, len(gains))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
