"""Two runs on the same suite, side by side: for every metric what differs, and whether that is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imagora.errors import ImagoraError, did_you_mean
from imagora_recipe.gate import LOWER

from imagora_evals.results import EvalRun

from .statistics import effect, holm, interval, permutation, queries_needed

MINIMUM = 30
"""Queries without which nothing wins.

30 is `queries_needed(1, 0.6)`: 30 queries show a difference of 0.6 standard deviations 9 times in 10. With fewer, only
differences can be certain that are larger than nearly any change of a recipe makes, so that what wins there is
mostly luck that looks large. How many of the queries differ is for the permutation test: with fewer than 6 it says no.
"""
LEVEL, ALPHA = 0.95, 0.05


class NotComparable(ImagoraError):
    """Two runs cannot be compared, e.g. because they were asked different suites."""

    code = "IMG-140"


@dataclass(frozen=True)
class Difference:
    """One metric: the mean of each run, and B minus A with its interval, of the queries that have it in both.

    p: of the permutation test, corrected for the number of metrics that are judged. effect: Cohen's d_z. winner: "A",
    "B", or "" where there is none, and then `why` says why. by_query: B minus A, the lowest first.
    """

    metric: str
    mean_a: float
    mean_b: float
    low: float
    high: float
    p: float
    effect: float
    by_query: Mapping[str, float]
    winner: str = ""
    why: str = ""

    @property
    def queries(self) -> int:
        """How many queries were compared."""
        return len(self.by_query)

    @property
    def mean(self) -> float:
        """The mean difference, B minus A."""
        return self.mean_b - self.mean_a

    @property
    def wins(self) -> int:
        """On how many queries B is better."""
        return sum(self._better(one) for one in self.by_query.values())

    @property
    def losses(self) -> int:
        """On how many queries A is better."""
        return sum(self._better(-one) for one in self.by_query.values())

    @property
    def ties(self) -> int:
        """On how many queries both have the same."""
        return self.queries - self.wins - self.losses

    @property
    def share_of_wins(self) -> float:
        """The share of queries on which B is better, ties counted half: 0.5 is no difference."""
        return (self.wins + self.ties / 2) / self.queries if self.queries else 0.5

    def ranked(self) -> list[tuple[str, float]]:
        """Give queries with their differences, from B's largest loss to its largest win."""
        return sorted(self.by_query.items(), key=lambda one: -one[1] if self.metric in LOWER else one[1])

    def _better(self, difference: float) -> bool:
        return difference < 0 if self.metric in LOWER else difference > 0

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON values."""
        said: tuple[str, ...] = (
            "metric",
            "queries",
            "mean_a",
            "mean_b",
            "mean",
            "low",
            "high",
            "p",
            "effect",
            "wins",
            "losses",
        )
        said = (*said, "ties", "share_of_wins", "winner", "why")
        return {name: getattr(self, name) for name in said} | {"by_query": dict(self.by_query)}


@dataclass(frozen=True)
class Comparison:
    """Two runs and what differs. unpaired: queries by id that only one of the runs has a result for."""

    a: EvalRun
    b: EvalRun
    differences: Sequence[Difference]
    unpaired: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON values; of the runs only what names them."""
        named = ("recipe", "recipe_hash", "generation", "at", "seconds", "cost")
        runs = {name: {key: getattr(run, key) for key in named} for name, run in (("a", self.a), ("b", self.b))}
        return {
            "suite": self.a.suite,
            "suite_digest": self.a.suite_digest,
            **runs,
            "minimum": MINIMUM,
            "level": LEVEL,
            "metrics": [one.to_dict() for one in self.differences],
            "unpaired": list(self.unpaired),
        }


def compare(a: EvalRun, b: EvalRun, metrics: Sequence[str] = ()) -> Comparison:
    """Compare two runs on the same suite; raises NotComparable for runs on different ones.

    metrics: those that are compared, all that both runs have where none is named. The more there are, the more it takes
    to be certain of one.
    """
    same_suite(a, b)
    both = [name for name in a.names() if name in b.names()]
    for name in metrics:
        if name not in both:
            raise NotComparable(f"there is no metric '{name}' in both runs{did_you_mean(name, both)}", code="IMG-141")
    made = [_difference(a, b, name) for name in (metrics or both)]
    if not made:
        raise NotComparable("the two runs have no metric in common", code="IMG-141")
    told = {one.metric: why for one in made if (why := _unjudged(one.metric, a, b))}
    corrected = iter(holm([one.p for one in made if one.metric not in told]))
    judged = [
        replace(one, why=told[one.metric]) if one.metric in told else _judged(one, next(corrected)) for one in made
    ]
    return Comparison(a, b, judged, tuple(sorted(_answered(a) ^ _answered(b))))


def same_suite(a: EvalRun, b: EvalRun) -> None:
    """Raise NotComparable where the runs are of different suites, or of one whose queries or judgements changed."""
    if a.suite_digest == b.suite_digest:
        return
    suites = f"'{a.suite}' ({a.suite_digest[:12]}) and '{b.suite}' ({b.suite_digest[:12]})"
    raise NotComparable(f"the runs are of different suites, {suites}; run both recipes on the same one again")


def paired(a: EvalRun, b: EvalRun, metric: str) -> dict[str, tuple[float, float]]:
    """Give the metric's value in each run for the queries that have it in both, in A's order."""
    other = b.metric(metric)
    return {query: (value, other[query]) for query, value in a.metric(metric).items() if query in other}


def _answered(run: EvalRun) -> set[str]:
    return {one.id for one in run.results if not one.error}


def _difference(a: EvalRun, b: EvalRun, metric: str) -> Difference:
    import numpy as np

    pairs = paired(a, b, metric)
    values = np.array(list(pairs.values()), dtype=float).reshape(-1, 2)
    differences = values[:, 1] - values[:, 0]
    by_query = dict(sorted(zip(pairs, differences.tolist(), strict=True), key=lambda one: one[1]))
    mean_a, mean_b = values.mean(axis=0).tolist() if len(values) else (0.0, 0.0)
    low, high = interval(differences, LEVEL)
    return Difference(metric, mean_a, mean_b, low, high, permutation(differences), effect(differences), by_query)


def _unjudged(metric: str, a: EvalRun, b: EvalRun) -> str:
    """Say why nothing wins by a metric whatever its numbers are."""
    if metric == "refused":
        return "neither more nor less of it is better; see right_refusal and wrong_refusal"
    if metric == "clipscore" and a.recipe_hash != b.recipe_hash:
        return "each recipe's own embedder scores, so that two recipes' scores do not compare"
    return ""


def _judged(one: Difference, p: float) -> Difference:
    why = ""
    if one.queries < MINIMUM:
        why = f"{one.queries} queries are too few; it takes {MINIMUM}"
    elif not one.wins + one.losses:
        why = "no query differs"
    elif one.low <= 0 <= one.high:
        why = f"the interval holds zero{_needed(one)}"
    elif p >= ALPHA:
        why = f"p is {p:.3f} with {ALPHA:g} allowed, corrected for the number of metrics"
    better = one.mean < 0 if one.metric in LOWER else one.mean > 0
    return replace(one, p=p, why=why, winner="" if why else "B" if better else "A")


def _needed(one: Difference) -> str:
    """Say how many queries would show a difference as large as the one seen, were it real."""
    import numpy as np

    values = np.array(list(one.by_query.values()))
    if abs(one.mean) < 1e-4 or len(values) < 2:  # noqa: PLR2004 - less is nothing that one would look for
        return ""
    needed = queries_needed(float(values.std(ddof=1)), abs(one.mean))
    return f"; were it real, about {needed} queries would show it" if needed > one.queries else ""
