"""What is certain of differences, against values worked out by hand and by enumeration."""

from __future__ import annotations

from itertools import product
from math import inf, sqrt

import numpy as np
import pytest
from imagora_evals.comparing.statistics import (
    effect,
    holm,
    interval,
    permutation,
    queries_needed,
    upper_bound,
)


def test_the_permutation_test_of_few_queries_is_exact() -> None:
    differences = np.array([0.5, 0.25, 0.125, -0.0625, 0.375, 0.5, 0.0, 0.0])
    moved = differences[differences != 0]
    sums = [float(np.dot(signs, moved)) for signs in product((-1, 1), repeat=len(moved))]
    one_sided = sum(one >= moved.sum() for one in sums) / len(sums)
    assert permutation(differences) == pytest.approx(2 * one_sided)
    assert permutation(-differences, "less") == pytest.approx(one_sided)
    assert permutation(differences, "less") > 0.9


def test_five_queries_that_differ_prove_nothing_and_six_may() -> None:
    assert permutation(np.array([0.9] * 5 + [0.0] * 100)) == pytest.approx(2 / 2**5)
    assert permutation(np.array([0.9] * 6 + [0.0] * 100)) == pytest.approx(2 / 2**6)


def test_where_nothing_differs_nothing_is_certain() -> None:
    same = np.zeros(40)
    assert (permutation(same), effect(same), interval(same), upper_bound(same, 0.975)) == (1.0, 0.0, (0.0, 0.0), 0.0)


def test_an_interval_is_that_of_students_t_where_differences_are_normal() -> None:
    differences = np.random.default_rng(3).normal(0.05, 0.2, 400)
    half = 1.966 * differences.std(ddof=1) / sqrt(400)
    low, high = interval(differences)
    assert (low, high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.002)
    assert upper_bound(differences, 0.975) == pytest.approx(high, abs=0.001)
    assert interval(differences) == (low, high)  # the same lots each time


def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_effect_is_the_mean_in_standard_deviations_of_differences() -> None:
    differences = np.array([0.1, 0.3, 0.2, 0.4])
    assert effect(differences) == pytest.approx(0.25 / sqrt(((0.15**2) * 2 + (0.05**2) * 2) / 3))
    assert effect(np.array([0.5, 0.5])) == inf


def test_queries_needed_is_the_formula() -> None:
    assert queries_needed(1, 0.6) == 30  # ((1.960 + 1.282) / 0.6)^2 = 29.2
    assert queries_needed(0.13, 0.02) == 444
