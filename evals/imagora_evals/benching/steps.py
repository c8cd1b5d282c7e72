"""What a load came to: throughput, percentiles, errors; and where the pipeline was saturated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .load import Asked

PERCENTILES = (50, 90, 95, 99)
GAIN = 0.1
"""More callers that add less than this share to the throughput are too many."""
KEPT_UP = 0.95
"""The share of a rate that a pipeline must answer to have kept up with it."""

Times = Mapping[str, float]
"""Seconds by "p50", "p90", "p95", "p99", "max" and "mean"."""


@dataclass(frozen=True)
class Step:
    """One load: of `level` callers (closed), or of `level` queries a second (open).

    seconds: from the first query to the last answer. done: answers without an error. stages: times by stage, and
    "total", as whoever asked waited. errors: how often each was.
    """

    kind: Literal["closed", "open"]
    level: float
    seconds: float
    done: int
    throughput: float
    stages: Mapping[str, Times] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many queries gave an error."""
        return sum(self.errors.values())


def step_of(kind: Literal["closed", "open"], level: float, asked: Sequence[Asked]) -> Step:
    """Sum up a load; only queries without an error count for times and throughput."""
    good = [one for one in asked if not one.gave.error]
    seconds = max((one.ended for one in asked), default=0.0)
    by_stage: dict[str, list[float]] = {}
    for one in good:
        for stage, took in one.gave.stages.items():
            by_stage.setdefault(stage, []).append(took)
    by_stage["total"] = [one.seconds for one in good]
    stages = {stage: _times(values) for stage, values in by_stage.items() if values}
    errors = Counter(one.gave.error for one in asked if one.gave.error)
    return Step(kind, level, seconds, len(good), len(good) / seconds if seconds else 0.0, stages, errors)


def _times(values: Sequence[float]) -> Times:
    found = dict(zip((f"p{p}" for p in PERCENTILES), np.percentile(values, PERCENTILES).tolist(), strict=True))
    return {**found, "max": max(values), "mean": sum(values) / len(values)}


def saturation(steps: Sequence[Step]) -> str:
    """Say in words where the pipeline had enough to do, "" where no load was enough."""
    said = []
    callers = sorted((step for step in steps if step.kind == "closed"), key=lambda step: step.level)
    for before, after in zip(callers, callers[1:], strict=False):
        if after.throughput < (1 + GAIN) * before.throughput:
            said.append(
                f"{before.level:g} callers saturate it at {before.throughput:.1f} queries/s: {after.level:g} callers "
                f"get {after.throughput:.1f}"
            )
            break
    rates = sorted((step for step in steps if step.kind == "open"), key=lambda step: step.level)
    behind = [step for step in rates if step.throughput < KEPT_UP * step.level]
    if behind:
        said.append(f"it falls behind at {behind[0].level:g} queries/s, of which it answers {behind[0].throughput:.1f}")
    elif rates:
        said.append(f"it keeps up with {rates[-1].level:g} queries/s")
    return "; ".join(said)
