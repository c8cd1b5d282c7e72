"""Scores of different kinds on one scale: how surprising each would be between things that have nothing in common.

A cosine of 0.5 is much between words and a picture and little between two texts. What can be compared is how seldom
chance gives as much: the surprise of a score s is -ln P(S >= s) for pairs drawn at random from the index, 0 for what
any pair has, 1 on average for a continuous score, 6.9 for what one pair in a thousand reaches. Surprises of
independent legs add up, which is Fisher's way to combine tests (1925).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from imagora.stages import Hit, LegQuery, SparseVector
from numpy.typing import NDArray

from .leg_queries import Kind

_KNOTS = 32
_RAREST = 3
"""The rank of the rarest score that is taken as it is; the few above it say little of how rare they are."""
_FEWEST = 20


@dataclass(frozen=True)
class Scale:
    """A rising line through (score, surprise), and its slope above the last one; usual: chance's mean surprise."""

    scores: NDArray[np.float64]
    surprises: NDArray[np.float64]
    slope: float
    usual: float

    def of(self, scores: Any) -> NDArray[np.float64]:
        """Give the surprise of each score."""
        raw = np.asarray(scores, dtype=np.float64)
        beyond = np.maximum(raw - self.scores[-1], 0.0) * self.slope
        return np.asarray(np.interp(raw, self.scores, self.surprises) + beyond)


def scale_of(chance: Sequence[float], total: float | None = None) -> Scale | None:
    """Learn a scale from scores of pairs by chance; None for too few of them.

    total: how many pairs there were, where those that are not among `chance` scored 0, as on a sparse leg.
    """
    falling = np.sort(np.asarray(chance, dtype=np.float64))[::-1]
    if len(falling) < _FEWEST or falling[0] == falling[-1]:
        return None
    pairs = max(total or 0.0, len(falling))
    ranks = np.unique(np.geomspace(min(_RAREST, len(falling)), len(falling), _KNOTS).astype(int))[::-1]
    scores, surprises = falling[ranks - 1], -np.log(ranks / pairs)
    if total is not None:
        scores, surprises = np.append(0.0, scores), np.append(0.0, surprises)
    # Of equal scores the commonest rank counts: so many pairs reach it.
    scores, first = np.unique(scores, return_index=True)
    surprises = surprises[first]
    if len(scores) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    low = len(scores) // 2
    slope = float((surprises[-1] - surprises[low - 1]) / (scores[-1] - scores[low - 1]))
    scale = Scale(scores, surprises, slope, 0.0)
    return replace(scale, usual=float(scale.of(falling).sum() / pairs))


def calibrated(
    hits: Sequence[Hit], legs: Sequence[LegQuery], kinds: Mapping[str, Kind], scales: Mapping[Kind, Scale], limit: int
) -> list[Hit]:
    """Give the best hits, best first; a score is the weighted mean of surprises.

    A hit that has nothing on a dense leg counts as chance does there; on a sparse leg as having no word in common.
    """
    total = sum(leg.weight for leg in legs if leg.weight > 0)
    sums = np.zeros(len(hits))
    for leg in legs:
        scale = scales[kinds[leg.name]]
        missing = scale.of(0.0) if isinstance(leg.vector, SparseVector) else scale.usual
        there = np.array([leg.name in hit.scores for hit in hits], dtype=bool)
        values = scale.of([hit.scores.get(leg.name, 0.0) for hit in hits])
        sums += leg.weight / total * np.where(there, values, missing)
    best = sorted(zip(sums.tolist(), hits, strict=True), key=lambda pair: (-pair[0], pair[1].id))[:limit]
    return [replace(hit, score=score) for score, hit in best]
