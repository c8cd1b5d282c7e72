"""The simulation of gates, in small: a drop is found, luck is not, and too few queries find nothing."""

from __future__ import annotations

import pytest
from imagora_benchmarks.gate_power import ALARMS, DROP, KINDS, POWER, Case, population, simulated


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_has_the_drop_that_is_said_and_scores_before_and_after_belong_together(kind: str) -> None:
    import numpy as np

    before, after = population(kind, DROP, seed=1)
    assert (after - before).mean() == pytest.approx(-DROP)
    assert after.min() >= 0 and before.max() <= 1
    assert 0.75 < np.corrcoef(before, after)[0, 1] < 0.99


def test_a_drop_of_two_points_is_found_and_nothing_else_is() -> None:
    some = ("some",)
    cases = (
        Case(0.0, DROP, 600, fails=True, kinds=some),
        Case(0.0, 0.0, 600, fails=False, kinds=some),
        Case(0.0, DROP, 100, fails=True, kinds=some),
    )
    found, luck, too_few = simulated(60, 499, cases)
    assert found.within and found.share >= POWER
    assert luck.within and luck.share <= ALARMS
    assert not too_few.within  # or the simulation would find anything
