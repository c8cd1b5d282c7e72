"""Whether a run passes the gate of its recipe: limits on means, and drops below a baseline that are certain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal

from imagora_recipe.gate import LOWER, WHOLE, Limits, spelled

from .comparing.comparison import MINIMUM, paired, same_suite
from .comparing.statistics import RESAMPLES, permutation, upper_bound
from .results import EvalRun

FALSE_ALARMS = 0.025
"""How often a gate may fail where nothing fell by more than allowed, all of its metrics together."""
NOT_PASSED = 6
"""The exit code of a run that does not pass."""
State = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True)
class Check:
    """One limit: what was demanded of a metric, what the run has, and what follows, in words.

    before: the baseline's mean of the same queries. bound: of a drop, what the mean difference lies below for certain.
    finds: the least drop that these queries would show in 9 of 10 runs. queries: how many were judged.
    """

    metric: str
    limit: Literal["min", "max", "drop"]
    demanded: float
    value: float | None
    state: State
    why: str
    queries: int = 0
    before: float | None = None
    bound: float | None = None
    finds: float | None = None


@dataclass(frozen=True)
class Gate:
    """All checks of a run."""

    run: EvalRun
    checks: Sequence[Check]
    baseline: EvalRun | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing failed; what could not be decided is no failure."""
        return all(check.state != "failed" for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON values."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def judge(
    run: EvalRun, limits: Mapping[str, Limits], baseline: EvalRun | None = None, *, resamples: int = RESAMPLES
) -> Gate:
    """Judge a run by a recipe's gate; raises NotComparable where the baseline is of another suite.

    limits: by metric, as `plan.gate` has them. A query that failed fails the gate, unless `failed` says how many may.
    A drop is judged on the queries that both runs have, and fails when two tests agree at 2.5 % divided by how many
    drops the gate has: the permutation test that it fell at all, and the one-sided bootstrap bound that it fell by more
    than `drop`. So luck alone fails hardly ever, and a mean that is a little lower never.
    """
    if baseline is not None:
        same_suite(baseline, run)
    demanded = {"failed": Limits(max=0), **limits}
    alpha = FALSE_ALARMS / max(1, sum(one.drop is not None for one in demanded.values()))
    found: list[Check] = []
    for metric, limit in demanded.items():
        found += _means(run, metric, limit)
        if limit.drop is not None:
            found.append(_drop(run, baseline, metric, limit.drop, _Certainty(alpha, resamples)))
    return Gate(run, found, baseline)


@dataclass(frozen=True)
class _Certainty:
    alpha: float
    resamples: int


def value_of(run: EvalRun, metric: str) -> float | None:
    """Give what a run has of a metric, None where it has nothing; seconds are those of queries that did not fail."""
    import numpy as np

    if metric not in WHOLE:
        name = name_in(run, metric)
        return None if name is None else run.mean(name)
    if metric == "failed":
        return sum(bool(one.error) for one in run.results) / len(run.results) if run.results else None
    if metric == "cost":
        return run.cost
    seconds = [one.seconds["total"] for one in run.results if "total" in one.seconds and not one.error]
    return float(np.percentile(seconds, int(metric.removeprefix("latency_p")))) if seconds else None


def name_in(run: EvalRun, metric: str) -> str | None:
    """Give the name by which a run has a metric, `nDCG@10` for `ndcg@10`; None where it has not."""
    return next((name for name in run.names() if metric in (name, spelled(name))), None)


def _means(run: EvalRun, metric: str, limit: Limits) -> Iterator[Check]:
    value = value_of(run, metric)
    queries = len(run.results) if metric in WHOLE else len(run.metric(name_in(run, metric) or ""))
    limits: tuple[tuple[Literal["min", "max"], float | None], ...] = (("min", limit.min), ("max", limit.max))
    for kind, demanded in limits:
        if demanded is None:
            continue
        if value is None:
            yield Check(metric, kind, demanded, None, "failed", _absent(run, metric))
            continue
        passes = value >= demanded if kind == "min" else value <= demanded
        word = "at least" if kind == "min" else "at most"
        why = f"{value:.4g}, and it must be {word} {demanded:g}"
        if metric == "failed" and not passes:
            why += f"; the first that failed: {_first_failure(run)}"
        yield Check(metric, kind, demanded, value, "passed" if passes else "failed", why, queries)


def _drop(run: EvalRun, baseline: EvalRun | None, metric: str, allowed: float, certainty: _Certainty) -> Check:
    import numpy as np

    value = value_of(run, metric)
    if value is None:
        return Check(metric, "drop", allowed, None, "failed", _absent(run, metric))
    if baseline is None:
        return Check(metric, "drop", allowed, value, "undecided", "there is no baseline to compare with")
    before, now = name_in(baseline, metric), name_in(run, metric)
    if before is None or now is None or before != now:
        return Check(metric, "drop", allowed, value, "undecided", f"the baseline has no '{metric}'")
    pairs = np.array(list(paired(baseline, run, now).values()), dtype=float).reshape(-1, 2)
    if len(pairs) < MINIMUM:
        why = f"{len(pairs)} queries are too few to be certain of a drop; it takes {MINIMUM}"
        return Check(metric, "drop", allowed, value, "undecided", why, len(pairs))
    sign = -1 if metric in LOWER else 1
    differences = (pairs[:, 1] - pairs[:, 0]) * sign  # what is worse is below zero
    mean = float(differences.mean())
    bound = upper_bound(differences, 1 - certainty.alpha, resamples=certainty.resamples)
    fell = bound < -allowed and permutation(differences, "less", resamples=certainty.resamples) < certainty.alpha
    certain = f"at {'least' if sign < 0 else 'most'} {sign * bound:+.4f} for certain"
    may = f"it may {'rise' if sign < 0 else 'fall'} by {allowed:g}"
    why = f"{sign * mean:+.4f} against the baseline, {certain}, and {may}"
    return Check(
        *(metric, "drop", allowed, float(pairs[:, 1].mean()), "failed" if fell else "passed", why, len(pairs)),
        before=float(pairs[:, 0].mean()),
        bound=bound,
        finds=allowed + _detectable(differences, certainty.alpha),
    )


def _detectable(differences: Any, alpha: float) -> float:
    from statistics import NormalDist

    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(0.9)
    return float(z * differences.std(ddof=1) / sqrt(len(differences)))


def _absent(run: EvalRun, metric: str) -> str:
    if metric == "cost":
        return "the run has no cost, since the recipe names no prices"
    return f"the run has no '{metric}' (it has: {', '.join(run.names()) or 'none'})"


def _first_failure(run: EvalRun) -> str:
    return next(f"'{one.id}': {one.error}" for one in run.results if one.error)
