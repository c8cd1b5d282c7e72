"""Passages that differ: maximal marginal relevance (Carbonell and Goldstein, 1998)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from imagora.stages import Hit, SparseVector, Vector
from numpy.typing import NDArray


def varied(hits: Sequence[Hit], stored: Sequence[Mapping[str, Vector]], variety: float, limit: int) -> list[Hit]:
    """Choose hits one by one, each the best by (1 - variety) * fit - variety * likeness to the likest chosen one.

    That sum is the new score, which falls from hit to hit. fit: the score, from 0 for the worst of the hits to 1 for
    the best. stored: vectors by id, a mapping for each leg; likeness is the cosine on the first leg that both hits have
    a vector on, and 0 where there is none.
    """
    if not hits:
        return []
    scores = np.array([hit.score for hit in hits])
    fit = (scores - scores.min()) / (np.ptp(scores) or 1.0)
    likeness = _likeness(hits, stored)
    likest, chosen = np.zeros(len(hits)), list[Hit]()
    left = np.ones(len(hits), dtype=bool)
    while left.any() and len(chosen) < limit:
        values = np.where(left, (1 - variety) * fit - variety * likest, -np.inf)
        best = int(values.argmax())
        chosen.append(replace(hits[best], score=float(values[best])))
        left[best] = False
        likest = np.maximum(likest, likeness[best])
    return chosen


def _likeness(hits: Sequence[Hit], stored: Sequence[Mapping[str, Vector]]) -> NDArray[np.float64]:
    likeness = np.full((len(hits), len(hits)), np.nan)
    for vectors in stored:
        places = [place for place, hit in enumerate(hits) if hit.id in vectors]
        rows = [vector for place in places if not isinstance(vector := vectors[hits[place].id], SparseVector)]
        if rows and len(rows) == len(places):
            matrix = np.array(rows, dtype=float)
            matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
            both = np.ix_(places, places)
            likeness[both] = np.where(np.isnan(likeness[both]), matrix @ matrix.T, likeness[both])
    return np.asarray(np.nan_to_num(likeness))
