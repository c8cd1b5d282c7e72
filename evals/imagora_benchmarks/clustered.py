"""Generated vectors that lie as embeddings do: in clusters, and within them mostly along few directions.

Noise that is the same in all 384 directions would put every vector of a cluster equally far from every other one, so
that "the ten nearest" meant nothing. Here its spread falls with the direction's number, as the spectrum of sentence
embeddings does: the i-th has 1/sqrt(i) of the first's. All are of length 1, and a seed gives the same ones anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
BLOCK = 10_000
"""Vectors that are made at a time; another size would give other vectors."""


@dataclass(frozen=True)
class Clustered:
    """A set of vectors that is never held whole: `blocks` makes them again each time it is asked."""

    items: int
    dimension: int = 384
    clusters: int = 1_000
    seed: int = 0
    spread: float = 0.6

    def blocks(self) -> Iterator[Matrix]:
        """Give all vectors in order, up to 10,000 in a matrix."""
        for number, start in enumerate(range(0, self.items, BLOCK)):
            yield self._made(min(BLOCK, self.items - start), number)

    def queries(self, count: int) -> Matrix:
        """Give vectors of the same clusters that are not in the set."""
        return self._made(count, -1)

    def _made(self, count: int, number: int) -> Matrix:
        shape = np.random.default_rng([self.seed, 0])
        centres = shape.standard_normal((self.clusters, self.dimension))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        turn, _ = np.linalg.qr(shape.standard_normal((self.dimension, self.dimension)))
        spectrum = 1 / np.sqrt(np.arange(1, self.dimension + 1))
        spectrum *= self.spread / np.linalg.norm(spectrum)
        random = np.random.default_rng([self.seed, number + 2])
        noise = (random.standard_normal((count, self.dimension)) * spectrum) @ turn
        made = centres[random.integers(self.clusters, size=count)] + noise
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)
