"""The words of a passage, and the order of passages of which some have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
