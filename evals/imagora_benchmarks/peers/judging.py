"""Figures of each side, and the bounds that they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .rounds import Measured

FROM = 10_000
"""Items from which on bounds on times are judged."""
LARGE = 100_000
FLOOR = {"p50": 1.05, "p99": 1.10}
OF_PEERS = {"txtai": 0.40, "llama-index": 0.25, "haystack": 0.20}
OF_PEERS_LARGE = {"llama-index": 0.10, "haystack": 0.10}
OVERLAP = {"imagora": 0.98, "imagora-int8": 0.9}
"""Our own sides, which are held against peers, each with rankings that must agree."""


@dataclass(frozen=True)
class Figures:
    """One side's figures. times: milliseconds; overlap: mean share of the exact best k that are among its own."""

    p50: float
    p99: float
    processor: float
    overlap: float | None
    megabytes: int


@dataclass(frozen=True)
class Bound:
    """A figure and what it may be: at most the limit, or at least it where `least`."""

    what: str
    value: float
    limit: float
    least: bool = False

    @property
    def held(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value >= self.limit if self.least else self.value <= self.limit


def figures(measured: Mapping[str, Measured], reference: str) -> dict[str, Figures]:
    """Work out every side's figures; overlap needs the side that rankings are held against."""
    exact = measured[reference].found if reference in measured else None
    return {
        name: Figures(
            p50=float(np.percentile(one.clock, 50)),
            p99=float(np.percentile(one.clock, 99)),
            processor=statistics.median(one.processor),
            overlap=overlap(exact, one.found) if exact else None,
            megabytes=one.megabytes,
        )
        for name, one in measured.items()
    }


def overlap(exact: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Give the mean share of each query's exact names that were found, whatever their order."""
    return statistics.mean(len(set(a) & set(b)) / len(a) for a, b in zip(exact, found, strict=True))


def bounds(of: Mapping[str, Figures], items: int, by: str = "words") -> list[Bound]:
    """Give the bounds that can be judged with the sides that were measured, at this size; by picture only rankings."""
    if (ours := of.get("imagora")) is None:
        return []
    found = [
        Bound(f"overlap@k of {name}, exact search", one.overlap, OVERLAP[name], least=True)
        for name, one in of.items()
        if name in OVERLAP and one.overlap is not None
    ]
    if items < FROM or by != "words":
        return found
    if (floor := of.get("floor")) is not None:
        found.append(Bound("p50, imagora / floor", ours.p50 / floor.p50, FLOOR["p50"]))
        found.append(Bound("p99, imagora / floor", ours.p99 / floor.p99, FLOOR["p99"]))
    for own in [name for name in OVERLAP if name in of]:
        for name, limit in (OF_PEERS_LARGE if items >= LARGE else OF_PEERS).items():
            if name in of:
                found.append(Bound(f"p50, {own} / {name}", of[own].p50 / of[name].p50, limit))
    return found
