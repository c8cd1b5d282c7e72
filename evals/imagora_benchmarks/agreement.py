"""How far two rankings of the same things agree: Kendall's tau, and how many of the first ten are the same."""

from __future__ import annotations

from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau  # type: ignore[import-untyped]  # it ships no types


class Agreement(NamedTuple):
    """Means over queries: tau (-1 to 1, over all of a ranking) and overlap (0 to 1, of the first ten)."""

    tau: float
    overlap: float

    def __str__(self) -> str:
        return f"tau {self.tau:.4f}, overlap@10 {self.overlap:.4f}"


def agreement(ones: NDArray[Any], others: NDArray[Any], first: int = 10) -> Agreement:
    """Compare scores, a row a query and a column a thing."""
    taus = [kendalltau(one, other).statistic for one, other in zip(ones, others, strict=True)]
    best = [np.argsort(-scores, axis=1, kind="stable")[:, :first] for scores in (ones, others)]
    overlaps = [len({*a} & {*b}) / len(a) for a, b in zip(*(rows.tolist() for rows in best), strict=True)]
    return Agreement(fmean(taus), fmean(overlaps))
