"""Two runs compared: paired by query, no winner where nothing is certain, never across suites."""

from __future__ import annotations

import numpy as np
import pytest
from imagora_evals.comparing.comparison import MINIMUM, NotComparable, compare

from .made_runs import run_of

LOTS = np.random.default_rng(11)
SCORES = LOTS.beta(2, 2, 60)
BETTER = np.clip(SCORES + LOTS.normal(0.1, 0.1, 60), 0, 1)


def test_the_better_run_wins_with_its_effect_and_its_wins() -> None:
    (one,) = compare(run_of({"AP": SCORES.tolist()}), run_of({"AP": BETTER.tolist()})).differences
    differences = BETTER - SCORES
    assert (one.winner, one.why, one.queries) == ("B", "", 60)
    assert one.low > 0 and one.low < one.mean < one.high and one.p < 0.05
    assert one.mean == pytest.approx(differences.mean())
    assert one.effect == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert (one.wins, one.losses) == ((differences > 0).sum(), (differences < 0).sum())
    assert one.wins + one.losses + one.ties == 60 and one.share_of_wins == (one.wins + one.ties / 2) / 60
    assert list(one.by_query.values()) == sorted(differences.tolist())
    (turned,) = compare(run_of({"AP": BETTER.tolist()}), run_of({"AP": SCORES.tolist()})).differences
    assert (turned.winner, turned.wins, turned.losses) == ("A", one.losses, one.wins)


def test_queries_are_paired_by_their_ids_and_not_by_their_order() -> None:
    a, b = run_of({"AP": SCORES.tolist()}), run_of({"AP": BETTER.tolist()})
    shuffled = run_of({"AP": []}, results=b.results[::-1])
    assert compare(a, shuffled).differences[0].by_query == compare(a, b).differences[0].by_query


@pytest.mark.parametrize("queries", [1, 6, MINIMUM - 1])
def test_nothing_wins_below_the_least_number_of_queries(queries: int) -> None:
    (one,) = compare(run_of({"AP": [0.1] * queries}), run_of({"AP": [0.9] * queries})).differences
    assert (one.winner, one.why) == ("", f"{queries} queries are too few; it takes {MINIMUM}")


def test_a_difference_that_may_be_none_wins_nothing_and_says_how_many_queries_it_would_take() -> None:
    noisy = np.clip(SCORES + LOTS.normal(0.01, 0.2, 60), 0, 1)
    (one,) = compare(run_of({"AP": SCORES.tolist()}), run_of({"AP": noisy.tolist()})).differences
    assert one.winner == "" and one.why.startswith("the interval holds zero; were it real, about ")


def test_few_queries_that_differ_win_nothing_however_many_there_are() -> None:
    (one,) = compare(run_of({"AP": [0.0] * 200}), run_of({"AP": [1.0] * 5 + [0.0] * 195})).differences
    assert one.winner == "" and one.low > 0 and "p is 0.062" in one.why


def test_a_run_is_no_better_than_itself() -> None:
    run = run_of({"AP": SCORES.tolist(), "RR": BETTER.tolist()})
    assert {(one.winner, one.why, one.p) for one in compare(run, run).differences} == {("", "no query differs", 1.0)}


def test_more_metrics_take_more_to_be_certain() -> None:
    a = {"AP": [0.5] * 40, **{f"P@{k}": SCORES[:40].tolist() for k in (1, 5, 10)}}
    b = {"AP": [0.6] * 7 + [0.5] * 33, **{name: values for name, values in a.items() if name != "AP"}}
    alone, beside = compare(run_of(a), run_of(b), ["AP"]), compare(run_of(a), run_of(b))
    assert alone.differences[0].p == pytest.approx(2 / 2**7) and alone.differences[0].winner == "B"
    assert beside.differences[0].p == pytest.approx(4 * 2 / 2**7) and beside.differences[0].winner == ""


def test_runs_of_different_suites_are_refused() -> None:
    a, b = run_of({"AP": [0.5]}), run_of({"AP": [0.5]}, suite="stamps", suite_digest="e" * 32)
    with pytest.raises(NotComparable, match="different suites, 'gallery' \\(dddddddddddd\\) and 'stamps'") as error:
        compare(a, b)
    assert error.value.code == "IMG-140"


def test_a_metric_that_one_run_lacks_is_named() -> None:
    with pytest.raises(NotComparable, match="no metric 'nDCG@1' in both runs; did you mean 'nDCG@10'") as error:
        compare(run_of({"nDCG@10": [0.5]}), run_of({"nDCG@10": [0.5]}), ["nDCG@1"])
    assert error.value.code == "IMG-141"


def test_queries_that_one_run_alone_has_are_left_out_and_said() -> None:
    from dataclasses import replace

    a, b = run_of({"AP": SCORES.tolist()}), run_of({"AP": BETTER.tolist()})
    failed = replace(b.results[3], error="the server is down", metrics={})
    b = replace(b, results=[*b.results[:3], failed, *b.results[4:]])
    made = compare(a, b)
    assert made.unpaired == ("q3",) and made.differences[0].queries == 59
    assert "q3" not in made.differences[0].by_query
