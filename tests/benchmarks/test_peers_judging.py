"""How the measurement beside other frameworks makes its queries and judges its figures; tests/peers runs the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagora_benchmarks.peers.captions import captions
from imagora_benchmarks.peers.judging import Bound, bounds, figures, overlap
from imagora_benchmarks.peers.rounds import ROUND, UNCOUNTED, Measured, Run, asked


def test_captions_are_distinct_and_a_small_corpus_is_the_beginning_of_a_large_one() -> None:
    many = captions(3000)
    assert len(set(many)) == 3000
    assert captions(100) == many[:100]


@pytest.mark.parametrize("by", ["words", "pictures"])
def test_no_query_comes_twice_and_none_was_in_the_warm_up(tmp_path: Path, by: str) -> None:
    warm_up, rounds = asked(Run(by, 10, 45, 10, tmp_path))
    assert [len(one) for one in rounds] == [UNCOUNTED + ROUND, UNCOUNTED + 45 - ROUND]
    every = [*warm_up, *(query for one in rounds for query in one)]
    read = [Path(query).read_bytes() if by == "pictures" else query for query in every]
    assert len(set(read)) == len(every)


def test_overlap_is_the_share_of_the_exact_names_that_were_found_in_any_order() -> None:
    assert overlap([["a", "b"], ["c", "d"]], [["b", "a"], ["c", "x"]]) == (1 + 1 / 2) / 2


def _measured(milliseconds: float, found: str = "a") -> Measured:
    return Measured([milliseconds] * 20, [milliseconds] * 20, [[found]] * 20)


def _held(items: int, **sides: Measured) -> dict[str, bool]:
    named = {name.replace("_", "-"): one for name, one in sides.items()}
    return {bound.what: bound.held for bound in bounds(figures(named, "torch"), items)}


def test_each_bound_on_time_is_a_ratio_of_imagora_to_another_side() -> None:
    held = _held(
        10_000, imagora=_measured(1.06), floor=_measured(1.0), txtai=_measured(2.7), llama_index=_measured(4.2)
    )
    assert held == {
        "p50, imagora / floor": False,  # 1.06
        "p99, imagora / floor": True,
        "p50, imagora / txtai": True,  # 0.393
        "p50, imagora / llama-index": False,  # 0.252
    }


def test_eight_bits_are_held_against_peers_too_and_not_against_the_floor_of_thirty_two() -> None:
    sides = {"imagora": _measured(1.0), "imagora_int8": _measured(0.5), "floor": _measured(1.0)}
    held = _held(10_000, **sides, txtai=_measured(2.0))
    assert held.items() >= {"p50, imagora / txtai": False, "p50, imagora-int8 / txtai": True}.items()
    assert not any("int8" in what and "floor" in what for what in held)


def test_a_large_corpus_has_bounds_of_its_own() -> None:
    held = _held(100_000, imagora=_measured(1.0), llama_index=_measured(9.0), haystack=_measured(11.0))
    assert held == {"p50, imagora / llama-index": False, "p50, imagora / haystack": True}


def test_a_small_corpus_is_only_judged_by_its_rankings() -> None:
    other = {"imagora": _measured(9.0, "b"), "floor": _measured(1.0), "torch": _measured(1.0)}
    assert _held(500, **other) == {"overlap@k of imagora, exact search": False}


@pytest.mark.parametrize(("value", "held"), [(0.97, False), (0.98, True)])
def test_a_figure_that_is_to_be_large_is_held_from_its_limit_on(value: float, held: bool) -> None:
    assert Bound("overlap", value, 0.98, least=True).held is held
