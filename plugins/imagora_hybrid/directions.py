"""Directions between vectors, and away from some of them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def unit(vector: Sequence[float]) -> list[float]:
    """Give the direction of a vector; of one without length, itself."""
    length = math.hypot(*vector)
    return [number / length for number in vector] if length else list(vector)


def middle(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Give a vector as it is; of several, the direction half-way between all of them."""
    if len(vectors) == 1:
        return list(vectors[0])
    directions = [unit(vector) for vector in vectors]
    return unit([math.fsum(numbers) / len(directions) for numbers in zip(*directions, strict=True)])


def away(vector: Sequence[float], negatives: Sequence[Sequence[float]], share: float) -> list[float]:
    """Move a vector away from the middle of others and give it the length that it had.

    share: of 1, what is taken off the vector's direction of theirs; below 1 so that something is always left. As in
    Rocchio's relevance feedback (1971), with one judgement each.
    """
    if not negatives:
        return list(vector)
    length, unlike = math.hypot(*vector), unit(middle(negatives))
    moved = unit([wanted - share * other for wanted, other in zip(unit(vector), unlike, strict=True)])
    return [number * length for number in moved]
