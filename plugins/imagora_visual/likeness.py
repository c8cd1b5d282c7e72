"""How like stored pictures are to what a query has, and how that is blended with the scores that they came with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def units(vectors: Sequence[Sequence[float]]) -> Floats:
    """Give the directions of vectors, a row each."""
    rows = np.array([list(vector) for vector in vectors], dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def likeness(
    stored: Floats, wanted: Sequence[Sequence[float]], unwanted: Sequence[Sequence[float]], share: float
) -> Floats:
    """Give a number for each stored row: its cosine to what is wanted, less a share of that to what is not.

    Of several wanted the best counts, so that a picture need only be like one of them; of several unwanted, too.
    """
    found = (stored @ units(wanted).T).max(axis=1)
    if unwanted:
        found = found - share * (stored @ units(unwanted).T).max(axis=1)
    return np.asarray(found)


def standard(numbers: Floats) -> Floats:
    """Bring numbers to mean 0 and deviation 1; equal ones, and a single one, become 0; NaN, for unknown, too."""
    if np.isnan(numbers).all():
        return np.zeros_like(numbers)
    deviation = np.nanstd(numbers)
    if not deviation > 1e-12:  # noqa: PLR2004 - rounding alone
        return np.zeros_like(numbers)
    return np.asarray(np.nan_to_num((numbers - np.nanmean(numbers)) / deviation))


def blended(parts: Sequence[tuple[float, Floats]]) -> Floats:
    """Give the weighted sum of numbers that are on scales of their own, each standardised first."""
    return np.asarray(sum(weight * standard(numbers) for weight, numbers in parts))
