"""The words of a passage, and the order of passages of which some have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import TypeVar

from llama_index.core.schema import NodeWithScore

Thing = TypeVar("Thing")
_WORDED = ("caption", "ocr_text")


def words_of(passage: NodeWithScore) -> str:
    """Give title, text, caption and OCR text, a line each; what is there twice is said once; "" for no words."""
    metadata = passage.node.metadata
    lines = [metadata.get("title"), passage.node.get_content(), *(metadata.get(key) for key in _WORDED)]
    stripped = [part.strip() for line in lines if isinstance(line, str) for part in line.split("\n")]
    return "\n".join(dict.fromkeys(line for line in stripped if line))


def by_score(things: Sequence[Thing], scores: Mapping[int, float]) -> list[Thing]:
    """Order the things that have a score, best first, among the places that they held; the others stay where they are.

    scores: by place. Things with equal scores keep their order. So a picture without words, about which a reader of
    words can say nothing, keeps the place that its own picture score gave it.
    """
    places = sorted(scores)
    best_first = sorted(places, key=lambda place: -scores[place])
    order = dict(zip(places, best_first, strict=True))
    return [things[order.get(place, place)] for place in range(len(things))]


def blended(scores: Mapping[int, float], came: Mapping[int, float | None], weight: float) -> dict[int, float]:
    """Give the weighted mean of new scores and those that things came with, both standardised; by place.

    What came without a score counts as the average there. A weight of 1 leaves the new scores as they are.
    """
    if weight >= 1:
        return dict(scores)
    before = _standard({place: score for place in scores if (score := came.get(place)) is not None})
    now = _standard(scores)
    return {place: weight * now[place] + (1 - weight) * before.get(place, 0.0) for place in scores}


def _standard(scores: Mapping[int, float]) -> dict[int, float]:
    mean, deviation = (fmean(scores.values()), pstdev(scores.values())) if scores else (0.0, 0.0)
    return {place: (score - mean) / deviation if deviation > 0 else 0.0 for place, score in scores.items()}
