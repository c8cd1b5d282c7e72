"""What a sweep found: a result for each point, which of them are worth a look, and the one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .grid import Point

FEW_ITEMS = 10_000
"""With fewer, most indexes look at every vector, however they are asked."""


@dataclass(frozen=True)
class Result:
    """One point. value: recall@k, or the metric on the half of the queries that chooses; more is better.

    p50, p99: seconds of a search. memory: bytes of the index, None where it was not measured. held: the metric on the
    other half. by_query: the metric of every query, by its id.
    """

    point: Point
    value: float
    p50: float
    p99: float
    memory: float | None = None
    held: float | None = None
    by_query: Mapping[str, float] = field(default_factory=dict)
    recall_by_leg: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a point must have: at least this value, at most this p99 in seconds; None where nothing is asked."""

    value: float | None = None
    p99: float | None = None

    @property
    def asks(self) -> bool:
        """Whether anything is asked for."""
        return self.value is not None or self.p99 is not None

    def met(self, result: Result) -> bool:
        """Say whether a result is good enough."""
        good = self.value is None or result.value >= self.value
        return good and (self.p99 is None or result.p99 <= self.p99)


@dataclass(frozen=True)
class Sweep:
    """All of it. metric: what `value` is. remarks: why the figures may say little, in sentences."""

    recipe: str
    recipe_hash: str
    suite: str
    suite_digest: str
    metric: str
    items: int
    queries: int
    results: Sequence[Result]
    target: Target
    chosen: Result | None
    machine: Mapping[str, Any]
    remarks: Sequence[str] = ()
    written: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values; every result says whether it is on the Pareto front."""
        front = pareto(self.results)
        results = [{**asdict(one), "pareto": one in front} for one in self.results]
        return {**asdict(self), "results": results}


def pareto(results: Sequence[Result]) -> list[Result]:
    """Give those that no other one beats: none is as good in value, p99 and memory, and better in one of them."""

    def costs(one: Result) -> tuple[float, float, float]:
        return -one.value, one.p99, one.memory or 0.0

    def beaten(one: Result) -> bool:
        mine = costs(one)
        others = (costs(other) for other in results)
        return any(all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for other in others)

    return sorted((one for one in results if not beaten(one)), key=lambda one: one.value)


def cheapest(results: Sequence[Result], target: Target) -> Result | None:
    """Choose for an index: of those that meet the target the one with the least memory, then with the least p99."""
    good = [one for one in results if target.met(one)]
    # Memory is measured to some percent; what is within two of the least is as good.
    least = min((one.memory or 0.0 for one in good), default=0.0)
    return min((one for one in good if (one.memory or 0.0) <= 1.02 * least), key=lambda one: one.p99, default=None)


def best(results: Sequence[Result], target: Target) -> Result | None:
    """Choose for a ranking: of those that meet the target the one with the best value, then with the least p99."""
    return max((one for one in results if target.met(one)), key=lambda one: (one.value, -one.p99), default=None)
