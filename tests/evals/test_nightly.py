"""Gates on the command line, and a whole night: suite, run, gate, history, reports and the chat."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from imagora.cli.main import app
from imagora_evals.history import History
from imagora_evals.results import EvalRun
from imagora_evals.webhook import VARIABLE
from typer.testing import CliRunner, Result

from .chat import SECRET, Chat, chat
from .eval_toys import written

GATE = {"mrr": {"min": 0.1, "drop": 0.01}, "latency_p95": {"max": 60}}


def imagora(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Chat:
    with chat() as there:
        monkeypatch.setenv(VARIABLE, there.url)
        yield there


def test_a_run_that_passes_ends_with_0_and_one_that_does_not_with_6(recipe: Path, suite_folder: Path) -> None:
    words = ("eval", written({"gate": GATE}, "shop.yaml"), suite_folder, "--search-only", "--gate")
    done = imagora(*words, "--json", "--baseline", "last", "--junit", "gate.xml", "--markdown", "gate.md")
    assert done.exit_code == 0, done.output
    assert EvalRun.from_json(done.stdout).recipe == "shop"
    assert "gate passed" in done.stderr and "there is no baseline" in done.stderr
    (suite,) = ET.fromstring(Path("gate.xml").read_bytes())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "0", "1")
    assert "`mrr`" in Path("gate.md").read_text()
    done = imagora(*words, "--set", "gate.mrr.min=1.5")
    assert done.exit_code == 6 and "FAILED    mrr min 1.5" in done.stdout


def test_the_last_run_on_the_same_suite_is_the_baseline(recipe: Path, suite_folder: Path) -> None:
    shop = written({"gate": GATE}, "shop.yaml")
    words = ("eval", shop, suite_folder, "--search-only", "--gate", "--baseline", "last")
    assert "there is no baseline" in imagora(*words).stdout
    assert "4 queries are too few" in imagora(*words).stdout
    assert "there is no baseline" in imagora(*words, "--limit", 2).stdout  # another part of the suite


def test_a_recipe_without_a_gate_is_told_before_anything_is_asked(recipe: Path, suite_folder: Path) -> None:
    for command in (("eval", recipe, suite_folder, "--gate"), ("eval", "nightly", recipe, suite_folder)):
        done = imagora(*command)
        assert done.exit_code == 2 and "the recipe 'toys' has no gate; add one" in done.stderr
    assert History().runs() == []


def test_a_night_is_recorded_judged_and_told(recipe: Path, suite_folder: Path, told: Chat) -> None:
    shop = written({"gate": GATE}, "shop.yaml")
    address = f"file://{suite_folder.absolute()}"
    done = imagora("eval", "nightly", shop, address, "--search-only", "--json", "--markdown", "gate.md")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["passed"] is True
    assert [run.recipe for run in History().runs()] == ["shop"] and Path("gate.md").is_file()
    (message,) = told.told
    assert message["text"].startswith(":white_check_mark: *shop* on *shop*: gate passed, 5 queries")
    done = imagora("eval", "nightly", shop, address, "--search-only", "--set", "gate.mrr.min=1.5")
    assert done.exit_code == 6 and told.told[1]["text"].startswith(":x: *shop*")
    assert SECRET not in done.output


def test_a_night_without_a_result_is_told_too(recipe: Path, suite_folder: Path, told: Chat) -> None:
    shop = written({"gate": GATE}, "shop.yaml")
    done = imagora("eval", "nightly", shop, "nowhere/suite")
    assert done.exit_code == 2 and "nowhere/suite" in done.stderr
    (message,) = told.told
    assert "no result: there is no folder and no shipped suite called 'nowhere/suite'" in message["text"]
