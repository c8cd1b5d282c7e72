"""Vectors as the catalogue keeps them: 32-bit floats, of length 1 on a cosine leg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def packed(vector: Sequence[float], *, unit: bool) -> bytes:
    """Give the bytes of a vector."""
    return direction(vector, unit=unit).tobytes()


def direction(vector: Sequence[float], *, unit: bool) -> Matrix:
    """Give a vector as it is compared; unit: with length 1, where it has one."""
    exact = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(exact)) if unit else 1.0
    return np.asarray(exact / length if length else exact, dtype="<f4")


def unpacked(blobs: Sequence[bytes]) -> Matrix:
    """Give vectors as the rows of a matrix."""
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(blobs), -1 if blobs else 0)


def scores(vector: Matrix, stored: Matrix) -> list[float]:
    """Give the product with every row, summed with 64 bits, so that equal vectors score the same in any company."""
    if not len(stored):
        return []
    products: list[float] = (stored.astype(np.float64) @ vector.astype(np.float64)).tolist()
    return products
