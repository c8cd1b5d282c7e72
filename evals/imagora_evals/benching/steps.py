"""What a load came to: throughput, percentiles, errors; and where the pipeline was saturated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from .load import Asked

PERCENTILES = (50, 90, 95, 99)
GAIN = 0.1
"""More callers that add less than this share to the throughput are too many."""
KEPT_UP = 0.95
"""The share of a rate that a pipeline must answer to have kept up with it."""

Kind: TypeAlias = Literal["closed", "open"]
Times = Mapping[str, float]
"""Seconds by "p50", "p90", "p95", "p99", "max" and "mean"."""


@dataclass(frozen=True)
class Step:
    """One load: of `level` callers (closed), or of `level` queries a second (open).

    seconds: from the first query to the last answer. done: answers without an error. throughput: of these,
    a second. came: queries a second. stages: times by stage, and
    "total", as whoever asked waited. errors: how often each was.
    """

    kind: Kind
    level: float
    seconds: float
    done: int
    throughput: float
    came: float = 0.0
    stages: Mapping[str, Times] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say the load, such as "4 callers"."""
        return named(self.kind, self.level)

    @property
    def failed(self) -> int:
        """How many queries gave an error."""
        return sum(self.errors.values())


def named(kind: Kind, level: float) -> str:
    """Say a load, such as "4 callers"."""
    if kind == "open":
        return f"{level:g} queries/s come"
    return f"{level:g} {'caller' if level == 1 else 'callers'}"


def step_of(kind: Kind, level: float, asked: Sequence[Asked], lasted: float = 0.0) -> Step:
    """Sum up a load; only queries without an error count for times and throughput.

    lasted: seconds in which queries came, where that is known; answers may come later, and count to the last.
    """
    good = [one for one in asked if not one.gave.error]
    seconds = max((lasted, *(one.ended for one in asked)))
    by_stage: dict[str, list[float]] = {}
    for one in good:
        for stage, took in one.gave.stages.items():
            by_stage.setdefault(stage, []).append(took)
    by_stage["total"] = [one.seconds for one in good]
    stages = {stage: _times(values) for stage, values in by_stage.items() if values}
    errors = Counter(one.gave.error for one in asked if one.gave.error)
    came = len(asked) / (lasted or seconds) if seconds else 0.0
    return Step(kind, level, seconds, len(good), len(good) / seconds if seconds else 0.0, came, stages, errors)


def _times(values: Sequence[float]) -> Times:
    found = dict(zip((f"p{p}" for p in PERCENTILES), np.percentile(values, PERCENTILES).tolist(), strict=True))
    return {**found, "max": max(values), "mean": sum(values) / len(values)}


def saturation(steps: Sequence[Step]) -> str:
    """Say in words where the pipeline had enough to do, "" where no load was enough."""
    said = []
    callers = sorted((step for step in steps if step.kind == "closed"), key=lambda step: step.level)
    for before, after in pairwise(callers):
        if after.throughput < (1 + GAIN) * before.throughput:
            said.append(
                f"saturated by {before} at {before.throughput:.1f} queries/s: {after} get {after.throughput:.1f}"
            )
            break
    rates = sorted((step for step in steps if step.kind == "open"), key=lambda step: step.level)
    behind = [step for step in rates if step.throughput < KEPT_UP * step.came]
    if behind:
        said.append(
            f"it falls behind where {behind[0].came:.1f} queries/s come, of which it answers {behind[0].throughput:.1f}"
        )
    elif rates:
        said.append(f"it keeps up with {rates[-1].level:g} queries/s")
    return "; ".join(said)
