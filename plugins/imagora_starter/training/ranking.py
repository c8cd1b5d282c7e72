"""How well words find pictures: the figures that training and evaluation share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAGE = 10
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Recall:
    """Shares (0 to 1) of queries that find a right picture first or among ten, and mean 1/rank."""

    at_1: float
    at_10: float
    mrr: float

    def __str__(self) -> str:
        """The figures as they stand in the tables."""
        return f"{100 * self.at_1:5.1f} {100 * self.at_10:5.1f} {self.mrr:6.3f}"


def recall(pictures: Floats, words: Floats, captions: Sequence[str]) -> Recall:
    """Recall where row i of `pictures` is right for the query equal to caption i; ties count as misses."""
    scores = words @ pictures.T
    asked = list(dict.fromkeys(captions))
    right = np.array([[caption == query for caption in captions] for query in asked])
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    rank = 1 + ((scores >= best) & ~right).sum(axis=1)
    return Recall(float((rank <= 1).mean()), float((rank <= PAGE).mean()), float((1 / rank).mean()))
