"""`imagora compare`: recipes and saved runs, what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from imagora.cli.main import app
from imagora_evals.results import EvalRun
from typer.testing import CliRunner, Result

from .eval_toys import written
from .made_runs import run_of

LOTS = np.random.default_rng(2)
SCORES = LOTS.beta(2, 2, 50)
BETTER = np.clip(SCORES + LOTS.normal(0.2, 0.1, 50), 0, 1)


def imagora(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def saved(name: str, run: EvalRun) -> str:
    Path(name).write_text(run.to_json())
    return name


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    old = saved("old.json", run_of({"AP": SCORES.tolist()}, recipe="old"))
    return old, saved("new.json", run_of({"AP": BETTER.tolist()}, recipe="new [bold]"))


def test_two_saved_runs_are_compared_without_their_suite(runs: tuple[str, str]) -> None:
    done = imagora("compare", *runs, "--show", 2)
    assert done.exit_code == 0, done.output
    assert "B: new [bold]" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("AP")]
    differences = BETTER - SCORES
    assert f"{differences.mean():+.3f}" in line and line.rstrip().endswith("B")
    assert f"{(differences > 0).sum()}/{(differences < 0).sum()}/" in line
    best = int(np.argmax(differences))
    assert f"q{best}: query {best}" in done.stdout and f"new [bold]-{best}.png" in done.stdout


def test_the_json_is_the_whole_comparison(runs: tuple[str, str]) -> None:
    done = imagora("compare", *runs, "--json")
    said = json.loads(done.stdout)
    assert said["metrics"][0]["winner"] == "B" and len(said["metrics"][0]["by_query"]) == 50
    assert (said["a"]["recipe"], said["minimum"]) == ("old", 30)


def test_the_page_draws_the_intervals_and_escapes_what_it_shows(runs: tuple[str, str]) -> None:
    saved("new.json", run_of({"AP": BETTER.tolist()}, recipe="<script>x</script>"))
    assert imagora("compare", *runs, "--html", "page.html").exit_code == 0
    page = Path("page.html").read_text()
    assert "<svg" in page and "<script" not in page and "Wins of B" in page


def test_two_recipes_are_run_on_the_suite_and_compared(recipe: Path, suite_folder: Path) -> None:
    other = written({"rerankers": [{"use": "toy_reverse"}]}, "other.yaml")
    done = imagora("compare", recipe, other, suite_folder, "--search-only", "--html", "page.html")
    assert done.exit_code == 0, done.output
    assert "RR: no winner: 4 queries are too few; it takes 30" in done.stdout
    assert "data:image/jpeg" in Path("page.html").read_text()
    mine = imagora("eval", recipe, suite_folder, "--search-only", "--json")
    Path("mine.json").write_text(mine.stdout)
    done = imagora("compare", "mine.json", recipe, suite_folder, "--search-only", "--metric", "RR", "--json")
    assert json.loads(done.stdout)["metrics"][0]["why"].startswith("4 queries are too few")
    assert json.loads(done.stdout)["metrics"][0]["ties"] == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("old.json", "starter"), 2, "say the suite that 'starter' is to be asked: imagora compare A B SUITE"),
        (("old.json", "gone.json"), 1, "gone.json"),
        (("old.json", "broken.json"), 1, "'broken.json' is not a run: "),
        (("old.json", "other.json"), 1, "the runs are of different suites"),
        (("old.json", "new.json", "--metric", "RR"), 1, "there is no metric 'RR' in both runs"),
    ],
)
def test_what_cannot_be_compared_is_said(runs: tuple[str, str], words: tuple[str, ...], code: int, said: str) -> None:
    Path("broken.json").write_text('{"recipe": "x"}')
    saved("other.json", run_of({"AP": SCORES.tolist()}, suite_digest="e" * 32))
    done = imagora("compare", *words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
