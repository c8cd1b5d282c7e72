"""When somebody is told: by options, else by what the recipe asks of itself, else by what is usual."""

from __future__ import annotations

from dataclasses import dataclass

from imagora.errors import QueryError
from imagora_recipe.plan import Plan

from imagora_gateway.metrics import LONGEST

LATENCY, ERRORS = 5.0, 0.01
"""What is usual: seconds of the slowest hundredth, and the share of queries that may fail."""


@dataclass(frozen=True)
class Thresholds:
    """What is too much.

    latency: seconds that the slowest hundredth of queries may take. errors, degraded, misses: shares of queries. queue:
    share of the places to wait. stale: hours since an ingest ended. least: queries in the window below which shares
    mean nothing.
    """

    latency: float = LATENCY
    errors: float = ERRORS
    degraded: float = 0.05
    queue: float = 0.5
    misses: float = 0.95
    stale: float = 36.0
    least: int = 20


def latency_of(plan: Plan, said: float | None) -> float:
    """Give the seconds: as said, or what the recipe's gate allows; QueryError where no metric could show so many."""
    limits = (plan.gate or {}).get("latency_p99")
    asked = limits.max if limits else None
    seconds = said if said is not None else LATENCY if asked is None else asked
    if not 0 < seconds < LONGEST:
        what = f"a latency to be told of is between 0 and {LONGEST:g} s, and this is {seconds:g}"
        raise QueryError(f"{what}; type: --latency {LATENCY:g}")
    return seconds


def errors_of(plan: Plan, said: float | None) -> float:
    """Give the share of queries that may fail: as said, or what the recipe's gate allows."""
    limits = (plan.gate or {}).get("failed")
    asked = limits.max if limits else None
    return said if said is not None else ERRORS if asked is None else asked
