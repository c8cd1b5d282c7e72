"""What is certain of paired differences: intervals, a permutation test, Holm's correction and effect sizes.

Every function takes one difference for each query, and the same seed gives the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Differences = npt.NDArray[np.float64]

RESAMPLES = 9_999
SEED = 20_260
_AT_ONCE = 500
"""How many resamples lie in memory together."""


def interval(differences: Differences, level: float = 0.95, *, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Give where the mean difference lies, by the bias-corrected and accelerated bootstrap (Efron, 1987).

    Queries are drawn again with both of their scores, so that pairs stay together.
    """
    return _bootstrap(differences, level, "two-sided", resamples)


def upper_bound(differences: Differences, level: float, *, resamples: int = RESAMPLES) -> float:
    """Give what the mean difference lies below, with this level: the one-sided interval of the same bootstrap."""
    return _bootstrap(differences, level, "less", resamples)[1]


def _bootstrap(differences: Differences, level: float, side: str, resamples: int) -> tuple[float, float]:
    import numpy as np
    from scipy.stats import bootstrap  # type: ignore[import-untyped]  # scipy has no types

    if len(differences) < 2 or np.ptp(differences) == 0:  # noqa: PLR2004 - nothing varies in one
        mean = float(differences.mean()) if len(differences) else 0.0
        return mean, mean
    found = bootstrap(
        (differences,),
        np.mean,
        confidence_level=level,
        alternative=side,
        n_resamples=resamples,
        batch=_AT_ONCE,
        method="BCa",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return float(found.low), float(found.high)


def permutation(differences: Differences, side: str = "two-sided", *, resamples: int = RESAMPLES) -> float:
    """Give the p of no difference: how often as much comes when the two scores of each query are exchanged by lot.

    side: "less" counts only what falls as much. Exact where there are no more ways to exchange than resamples; queries
    that do not differ change nothing.
    """
    import numpy as np
    from scipy.stats import permutation_test

    informative = differences[differences != 0]
    if len(informative) < 2:  # noqa: PLR2004 - one query alone may go either way
        return 1.0
    lots = np.random.default_rng(SEED)
    test = permutation_test(
        (informative,),
        np.sum,
        permutation_type="samples",  # of one sample: the signs are exchanged
        alternative=side,
        vectorized=True,
        n_resamples=resamples,
        batch=_AT_ONCE,
        rng=lots,
    )
    return float(test.pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Give ps that may be read side by side, as many as there are (Holm, 1979)."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        adjusted[place] = highest
    return adjusted


def effect(differences: Differences) -> float:
    """Give Cohen's d_z: the mean difference in standard deviations of the differences; 0 where nothing differs."""
    if len(differences) < 2 or not differences.any():  # noqa: PLR2004 - nothing varies in one
        return 0.0
    spread = float(differences.std(ddof=1))
    mean = float(differences.mean())
    return mean / spread if spread > 0 else inf if mean > 0 else -inf


def queries_needed(spread: float, difference: float, *, alpha: float = 0.025, power: float = 0.9) -> int:
    """Give how many queries show a mean difference with this power, one-sided, where differences spread like this.

    By the normal approximation: ((z(1-alpha) + z(power)) * spread / difference)^2.
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return int((z * spread / difference) ** 2) + 1 if spread else 2
