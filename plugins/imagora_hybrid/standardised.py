"""Fusion that is fair to items that have nothing on a leg, such as pictures without words.

Sums of ranks or of normalised scores punish an item for every leg it cannot be on: a picture without words that fits
best of all comes behind pictures that fit badly and have some words. Here each leg's raw scores are brought to mean 0
and deviation 1 over the hits (Montague and Aslam 2001, "Relevance score normalization for metasearch"), and a hit
that has no vector on a leg counts as average there: 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imagora.stages import Hit, LegQuery, SparseVector


def standardised(hits: Sequence[Hit], legs: Sequence[LegQuery], limit: int) -> list[Hit]:
    """Give the best hits, best first; a score is the weighted mean of deviations from the hits' mean on each leg."""
    total = sum(leg.weight for leg in legs if leg.weight > 0)
    sums = dict.fromkeys((hit.id for hit in hits), 0.0)
    for leg in legs:
        scores = _scores(hits, leg)
        if len(scores) > 1:
            mean = sum(scores.values()) / len(scores)
            deviation = (sum((score - mean) ** 2 for score in scores.values()) / len(scores)) ** 0.5
            share = leg.weight / deviation / total if deviation > 0 else 0.0
            for id_, score in scores.items():
                sums[id_] += share * (score - mean)
    best = sorted(hits, key=lambda hit: (-sums[hit.id], hit.id))[:limit]
    return [replace(hit, score=sums[hit.id]) for hit in best]


def _scores(hits: Sequence[Hit], leg: LegQuery) -> dict[str, float]:
    if not isinstance(leg.vector, SparseVector):
        return {hit.id: hit.scores[leg.name] for hit in hits if leg.name in hit.scores}
    # On a sparse leg no score means no word in common, which is a score of 0 for an item that has words.
    return {hit.id: hit.scores.get(leg.name, 0.0) for hit in hits if leg.name in hit.scores or hit.payload.get("_text")}
