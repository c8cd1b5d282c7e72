"""Suites as datasets and runs as experiments in a real Phoenix, read back through its API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora.errors import ImagoraError
from imagora_evals.phoenix import send
from imagora_evals.results import EvalRun, QueryResult
from imagora_evals.suite import EvalQuery, Suite

from .conftest import Phoenix

SUITE = Suite(
    **{"name": "shop", "folder": Path("shop"), "corpus": {}, "metrics": ("RR",), "digest": "0123456789abcdef" * 2},
    queries=[
        EvalQuery("red", "a red rose", slices={"language": "en"}, answer="A red rose."),
        EvalQuery("none", "elephants", refuse=True),
        EvalQuery("down", "lemons"),
    ],
    qrels={"red": {"rose.png": 2, "sea.png": 0}, "down": {"lemon.png": 1}},
)
RUN = EvalRun(
    **{"recipe": "toys", "recipe_hash": "f" * 16, "suite": "shop", "suite_digest": SUITE.digest, "at": 1.8e9},
    results=[
        QueryResult(
            **{"id": "red", "text": "a red rose", "answer": "A red rose [1].", "cited": ["rose.png"]},
            metrics={"RR": 1.0, "citation_precision": 0.5},
            ranking=[("rose.png", 0.9), ("sea.png", 0.1)],
            seconds={"total": 0.25},
        ),
        QueryResult("none", metrics={"right_refusal": 1.0}, refused=True, seconds={"total": 0.05}),
        QueryResult("down", metrics={"RR": 0.0}, error="the server is down"),
    ],
    seconds=0.3,
)


def read(phoenix: Phoenix, path: str) -> Any:
    return httpx.get(f"{phoenix.url}/v1/{path}", timeout=60, trust_env=False).raise_for_status().json()


def test_a_run_is_an_experiment_on_its_suites_dataset(phoenix: Phoenix) -> None:
    sent = send(RUN, SUITE, phoenix.url)
    dataset = sent.dataset.rsplit("/", 1)[1]
    assert sent.new and read(phoenix, f"datasets/{dataset}")["data"]["name"] == "shop 01234567"
    examples = {
        one["metadata"]["query"]: one for one in read(phoenix, f"datasets/{dataset}/examples")["data"]["examples"]
    }
    assert examples["red"]["input"] == {"text": "a red rose", "pictures": []}
    assert examples["red"]["output"] == {"answer": "A red rose.", "refuse": False, "relevant": {"rose.png": 2}}
    assert examples["red"]["metadata"]["slices"] == {"language": "en"} and examples["none"]["output"]["refuse"] is True

    (experiment,) = read(phoenix, f"datasets/{dataset}/experiments")["data"]
    assert experiment["id"] in sent.experiment
    assert experiment["metadata"]["recipe_hash"] == RUN.recipe_hash
    by_example = {run["example_id"]: run for run in read(phoenix, f"experiments/{experiment['id']}/json")}
    red, none, down = (by_example[examples[query]["id"]] for query in ("red", "none", "down"))
    assert red["output"]["answer"] == "A red rose [1]." and red["output"]["ranking"][0]["uri"] == "rose.png"
    assert {one["name"]: one["score"] for one in red["annotations"]} == {"RR": 1.0, "citation_precision": 0.5}
    assert red["latency_ms"] == pytest.approx(250, abs=1)
    assert {one["name"]: one["score"] for one in none["annotations"]} == {"right_refusal": 1.0}
    assert down["error"] == "the server is down" and red["error"] is None


def test_runs_on_one_suite_are_side_by_side_and_a_changed_suite_is_another_dataset(phoenix: Phoenix) -> None:
    suite = replace(SUITE, digest="a" * 32)
    one, other = send(RUN, suite, phoenix.url), send(replace(RUN, recipe="other"), suite, phoenix.url)
    assert one.dataset == other.dataset and (one.new, other.new) == (True, False)
    experiments = read(phoenix, f"datasets/{one.dataset.rsplit('/', 1)[1]}/experiments")["data"]
    assert sorted(experiment["name"].split()[0] for experiment in experiments) == ["other", "toys"]
    changed = send(RUN, replace(SUITE, digest="b" * 32), phoenix.url)
    assert changed.new and changed.dataset != one.dataset


def test_a_server_that_is_down_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImagoraError, match=r"Phoenix at 'http://127\.0\.0\.1:1' cannot be reached") as error:
        send(RUN, SUITE, "http://127.0.0.1:1")
    assert error.value.code == "IMG-145"
