"""The measures themselves: rankings, citations, refusals, intervals and costs, on numbers worked out by hand."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import pytest
from imagora_evals.answers import of_citations, of_refusals, withholds, without_markers
from imagora_evals.ranking import measure_of, measured
from imagora_evals.results import EvalRun, QueryResult
from imagora_evals.spending import Counts, Meter, cost_of
from imagora_evals.summary import Estimate, by_slice, estimate, throughput, times, worst
from imagora_recipe.plan import PriceOptions
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock

GRADES = {"a": 2, "b": 1, "c": 0}


def test_a_ranking_is_measured_by_its_order_and_its_grades() -> None:
    found = measured(("nDCG@10", "R@1", "R@2", "RR", "AP"), GRADES, ["x", "b", "a"])
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert found["nDCG@10"] == pytest.approx((1 / math.log2(3) + 2 / math.log2(4)) / ideal)
    assert (found["R@1"], found["R@2"], found["RR"]) == (0.0, 0.5, 0.5)
    assert found["AP"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert measured(("RR",), GRADES, []) == {"RR": 0.0}


def test_a_metric_of_a_ranking_is_not_defined_where_nothing_is_relevant() -> None:
    assert measured(("RR", "R@1"), {"c": 0}, ["a"]) == {}
    assert measured(("RR", "R@1"), {}, ["a"]) == {}


def test_other_names_of_a_metric_are_known_and_wrong_ones_are_not() -> None:
    assert measured(("MRR", "MAP"), GRADES, ["a", "b"]) == {"MRR": 1.0, "MAP": 1.0}
    with pytest.raises(ValueError, match=r"no metric 'nDCG10'; did you mean 'nDCG@10'"):
        measure_of("nDCG10")


def test_citations_are_held_against_the_judgements() -> None:
    assert of_citations(["a", "c"], GRADES, shown=6) == {"citation_precision": 0.5, "citation_recall": 0.5}
    assert of_citations([], GRADES, shown=6) == {"citation_recall": 0.0}
    assert of_citations(["a"], {}, shown=6) == {}
    # A prompt of one passage cannot cite two.
    assert of_citations(["a"], GRADES, shown=1)["citation_recall"] == 1.0


@pytest.mark.parametrize(
    ("answer", "cited", "expected"),
    [
        ("Nothing in the index answers this.", [], True),
        ("I don't know.", [], True),
        ("The passages do not mention a price.", [], True),
        ("", [], True),
        ("Das steht nicht darin.", [], True),
        ("It is red [1]; nothing in the index says more.", ["a"], False),
        ("It is a red rose.", [], False),
        ("There is nothing better than a rose.", [], False),
    ],
)
def test_an_answer_that_does_not_answer_is_told_from_one_that_does(
    answer: str, cited: list[str], expected: bool
) -> None:
    assert withholds(answer, cited, ["steht nicht darin"]) is expected


def test_refusals_are_judged_by_what_was_asked() -> None:
    assert of_refusals(True, asked=True) == {"refused": 1.0, "right_refusal": 1.0}
    assert of_refusals(False, asked=False) == {"refused": 0.0, "wrong_refusal": 0.0}
    assert without_markers("A rose [1]. It is red [12].") == "A rose. It is red."


def test_an_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    dice = random.Random(7)
    held = 0
    for _ in range(60):
        found = estimate([float(dice.random() < 0.6) for _ in range(50)])
        assert found.low <= found.mean <= found.high
        held += found.low <= 0.6 <= found.high
    assert held >= 51  # 95 % of 60 are 57; fewer than 51 has a chance below 1 in 100


def test_an_interval_of_equal_values_or_of_one_is_its_mean() -> None:
    assert estimate([0.5]) == Estimate(0.5, 0.5, 0.5, 1)
    assert estimate([1.0, 1.0, 1.0]) == Estimate(1.0, 1.0, 1.0, 3)
    assert estimate([0.0, 1.0, 1.0]) == estimate([0.0, 1.0, 1.0])


def run_of(*results: QueryResult) -> EvalRun:
    return EvalRun("toys", "0" * 16, "shop", "1" * 32, 0.0, results, seconds=sum(r.seconds["total"] for r in results))


def result(name: str, rr: float, seconds: float = 0.1, **more: object) -> QueryResult:
    return QueryResult(name, slices={"language": name[:2]}, metrics={"RR": rr}, seconds={"total": seconds}, **more)  # type: ignore[arg-type]  # a test's own fields


def test_percentiles_and_throughput_are_of_all_queries() -> None:
    run = run_of(*(result(f"q{number}", 1.0, number / 1000) for number in range(1, 101)))
    assert times(run)["total"] == pytest.approx((0.0505, 0.09505, 0.09901))
    assert throughput(run) == pytest.approx(100 / 5.05)


def test_the_worst_are_failures_and_then_the_lowest() -> None:
    run = run_of(result("de1", 0.2), result("en1", 1.0), result("en2", 0.5), result("en3", 0.9, error="down"))
    assert [one.id for one in worst(run, ["RR"], 5)] == ["en3", "de1", "en2"]
    assert {value: len(found) for value, found in by_slice(run, ["language"])["language"].items()} == {"de": 1, "en": 3}


def test_tokens_are_those_that_the_generator_counts_else_a_quarter_of_the_signs() -> None:
    meter = Meter()
    blocks = [TextBlock(text="x" * 40), ImageBlock(image=b"png", image_mimetype="image/png")]
    messages = [ChatMessage(role="user", blocks=blocks)]
    meter.add(messages, ChatResponse(message=ChatMessage(content="y" * 20)))
    assert meter.taken() == Counts(read=10, written=5, pictures=1)
    counted = ChatResponse(
        message=ChatMessage(content="y"), additional_kwargs={"prompt_tokens": 700, "completion_tokens": 30}
    )
    meter.add(messages, counted)
    assert meter.taken() == Counts(read=700, written=30, pictures=1)
    assert meter.taken() == Counts()
    meter.add([SimpleNamespace()], None)  # a stranger's
    assert meter.taken() == Counts()


def test_a_query_costs_its_tokens_its_pictures_its_time_and_its_fee() -> None:
    prices = PriceOptions(read=3.0, written=15.0, picture=0.001, query=0.002, hour=7.2)
    spent = cost_of(prices, Counts(read=2000, written=100, pictures=2), seconds=1.5)
    assert spent == pytest.approx(0.006 + 0.0015 + 0.002 + 0.002 + 0.003)
