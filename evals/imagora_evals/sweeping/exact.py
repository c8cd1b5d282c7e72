"""Exact neighbours, which approximate ones are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Places = NDArray[np.int64]


class Nearest:
    """The nearest of all vectors that were shown to it, by the dot product, which for directions is the cosine.

    places: for each query the numbers of its nearest vectors, in no order. scores: theirs.
    """

    def __init__(self, queries: Matrix, count: int) -> None:
        self._queries, self._count = queries, count
        self.places: Places = np.empty((len(queries), 0), dtype=np.int64)
        self.scores: Matrix = np.empty((len(queries), 0), dtype=np.float32)
        self._seen = 0

    def show(self, block: Matrix) -> None:
        """Look at some more vectors; their places go on from those before."""
        scores = np.hstack([self.scores, self._queries @ block.T])
        fresh = np.broadcast_to(np.arange(self._seen, self._seen + len(block)), (len(self._queries), len(block)))
        places = np.hstack([self.places, fresh])
        best = np.argpartition(-scores, min(self._count, scores.shape[1]) - 1, axis=1)[:, : self._count]
        self.scores, self.places = np.take_along_axis(scores, best, 1), np.take_along_axis(places, best, 1)
        self._seen += len(block)
