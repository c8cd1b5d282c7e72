"""A gate fails on what is below its limits, and on drops that are certain; and its reports are what CIs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from imagora_evals.comparing.comparison import NotComparable
from imagora_evals.gate_reports import junit, markdown
from imagora_evals.gating import Gate, judge
from imagora_evals.results import EvalRun
from imagora_recipe.gate import Limits
from markdown import markdown as html_of  # type: ignore[import-untyped]  # it has no types

from .made_runs import run_of

LOTS = np.random.default_rng(5)
BEFORE = LOTS.beta(2, 2, 400)
FELL = np.clip(BEFORE - 0.05 + LOTS.normal(0, 0.1, 400), 0, 1)
JITTERED = np.clip(BEFORE + LOTS.normal(-0.002, 0.1, 400), 0, 1)


def run(values: Sequence[float] | np.ndarray, **said: object) -> EvalRun:
    return run_of({"nDCG@10": [float(value) for value in values]}, **said)


def states(gate: Gate) -> dict[str, str]:
    return {f"{check.metric} {check.limit}": check.state for check in gate.checks}


def test_limits_are_on_means_and_metrics_found_by_any_spelling() -> None:
    gate = judge(run([0.6, 0.8]), {"ndcg@10": Limits(min=0.7, max=0.7)})
    assert states(gate) == {"failed max": "passed", "ndcg@10 min": "passed", "ndcg@10 max": "passed"} and gate.passed
    gate = judge(run([0.6, 0.79]), {"ndcg@10": Limits(min=0.7)})
    assert not gate.passed and gate.checks[1].why == "0.695, and it must be at least 0.7"


def test_a_drop_that_is_certain_fails_and_says_from_what_to_what() -> None:
    gate = judge(run(FELL), {"ndcg@10": Limits(drop=0.01)}, run(BEFORE))
    check = gate.checks[-1]
    assert not gate.passed and check.state == "failed"
    assert check.before == pytest.approx(BEFORE.mean()) and check.value == pytest.approx(FELL.mean())
    assert check.bound is not None and FELL.mean() - BEFORE.mean() < check.bound < -0.01


def test_a_mean_that_is_lower_by_luck_fails_nothing() -> None:
    assert JITTERED.mean() < BEFORE.mean()
    gate = judge(run(JITTERED), {"ndcg@10": Limits(drop=0)}, run(BEFORE))
    assert gate.passed and gate.checks[-1].state == "passed"


def test_a_certain_drop_within_what_is_allowed_fails_nothing() -> None:
    assert judge(run(FELL), {"ndcg@10": Limits(drop=0.06)}, run(BEFORE)).passed
    assert not judge(run(FELL), {"ndcg@10": Limits(drop=0)}, run(BEFORE)).passed


@pytest.mark.parametrize(
    ("now", "baseline", "why"),
    [
        (run(FELL), None, "there is no baseline to compare with"),
        (run(FELL[:20]), run(BEFORE[:20]), "20 queries are too few to be certain of a drop; it takes 30"),
        (run(FELL), run_of({"AP": BEFORE.tolist()}), "the baseline has no 'ndcg@10'"),
    ],
)
def test_what_cannot_be_decided_fails_nothing_and_is_said(now: EvalRun, baseline: EvalRun | None, why: str) -> None:
    gate = judge(now, {"ndcg@10": Limits(drop=0)}, baseline)
    assert (gate.passed, gate.checks[-1].state, gate.checks[-1].why) == (True, "undecided", why)


def test_what_was_not_measured_fails() -> None:
    gate = judge(run([0.5]), {"map": Limits(min=0.1), "cost": Limits(max=1), "recall@5": Limits(drop=0.1)})
    assert [check.state for check in gate.checks[1:]] == ["failed"] * 3
    assert gate.checks[1].why == "the run has no 'map' (it has: nDCG@10)"
    assert gate.checks[2].why == "the run has no cost, since the recipe names no prices"


def test_a_query_that_failed_fails_the_gate_unless_the_recipe_allows_it() -> None:
    made = run(BEFORE[:40])
    broken = replace(made.results[0], error="the server is down", metrics={})
    made = replace(made, results=[broken, *made.results[1:]])
    gate = judge(made, {})
    assert not gate.passed and "the first that failed: 'q0': the server is down" in gate.checks[0].why
    assert judge(made, {"failed": Limits(max=0.05)}).passed


def test_times_and_costs_are_of_the_whole_run() -> None:
    made = run(BEFORE[:100], cost=0.2)
    gate = judge(made, {"latency_p50": Limits(max=0.5), "latency_p99": Limits(max=0.5), "cost": Limits(max=0.1)})
    assert states(gate) == {
        **{"failed max": "passed", "latency_p50 max": "failed", "latency_p99 max": "failed"},
        "cost max": "failed",
    }
    assert gate.checks[1].value == pytest.approx(0.505)


def test_more_drops_in_a_gate_take_more_to_be_certain_of_one() -> None:
    values = np.array([0.5] * 400) - np.array([0.1] * 7 + [0.0] * 393)
    names = ("nDCG@10", "AP", "RR", "P@5")
    before, now = (dict.fromkeys(names, one) for one in ([0.5] * 400, values.tolist()))
    alone = judge(run_of(now), {"map": Limits(drop=0)}, run_of(before))
    four = {name: Limits(drop=0) for name in ("ndcg@10", "map", "mrr", "precision@5")}
    assert not alone.passed and judge(run_of(now), four, run_of(before)).passed  # p = 1/2^7


def test_a_baseline_of_another_suite_is_refused() -> None:
    with pytest.raises(NotComparable):
        judge(run(FELL), {"ndcg@10": Limits(drop=0)}, run(BEFORE, suite_digest="e" * 32))


def three(name: str = "shop") -> Gate:
    now = run(FELL, recipe=name, seconds=3.5)
    limits = {"ndcg@10": Limits(min=0.1, drop=0.01), "map": Limits(min=0.2)}
    gate = judge(now, limits, run(BEFORE))
    return replace(gate, checks=[*gate.checks, *judge(now, {"ndcg@10": Limits(drop=0)}).checks[1:]])


def test_junit_has_a_case_for_each_check_and_counts_them() -> None:
    root = ET.fromstring(junit(three('a "shop" <&> \x00')))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors", "time")} == {
        **{"tests": "5", "failures": "2", "skipped": "1", "errors": "0", "time": "3.500"},
    }
    tags = [[inner.tag for inner in case] for case in suite]
    assert tags == [[], [], ["failure"], ["failure"], ["skipped"]]
    assert suite.get("name") == 'a "shop" <&> \ufffd on gallery'


def test_the_markdown_is_one_table_with_what_failed_first(tmp_path: Path) -> None:
    text = markdown(three("a|b <script>"))
    page = html_of(text, extensions=["tables"])
    assert page.count("<table>") == 1 and page.count("<tr>") == 6 and "<script" not in page
    rows = [row.split("</td>")[0] for row in page.split("<tr>")[2:]]
    assert ["❌" in row for row in rows] == [True, True, False, False, False]
    assert "failed: 2 of 5 checks" in text and "9 of 10 runs" in text
