"""`imagora eval` and its commands: what they print, write and record, and what they say of mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import html5lib
import pytest
from imagora.cli.main import app
from imagora.errors import StageError
from imagora_evals.history import History
from imagora_evals.results import EvalRun
from toy_distributions import environment_with
from typer.testing import CliRunner, Result

from .eval_toys import written


def imagora(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_recipe_and_a_suite_are_all_that_is_to_be_said(recipe: Path, suite_folder: Path) -> None:
    done = imagora("eval", recipe, suite_folder, "--html", "report.html")
    assert done.exit_code == 0, done.output
    for wanted in ("recipe toys", "nDCG@10", "95 % interval", "language", "retriever toy_retriever", "p95"):
        assert wanted in done.stdout
    page = Path("report.html").read_text()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert page.count("data:image/jpeg") >= 2  # what should have been found for "rot", and what was
    (past,) = History().runs("toys", "shop")
    assert past.means["RR"] == History().run(past.id).mean("RR")


def test_json_is_the_whole_run_and_nothing_else_on_the_standard_output(recipe: Path, suite_folder: Path) -> None:
    done = imagora("eval", recipe, suite_folder, "--json", "--limit", 2, "--slice", "language=en", "--no-record")
    run = EvalRun.from_json(done.stdout)
    assert [one.id for one in run.results] == ["red", "note"]
    assert run.part == "language=en, the first 2"
    assert History().runs() == []


def test_texts_of_strangers_are_escaped_in_the_report(recipe: Path, suite_folder: Path) -> None:
    hostile = "<script>alert(1)</script> & 'x'"
    line = json.dumps({"id": "hostile", "text": hostile, "slices": {"language": hostile}})
    (suite_folder / "queries.jsonl").write_text(line)
    (suite_folder / "qrels").write_text("hostile 0 gone.png 1\n")
    assert imagora("eval", recipe, suite_folder, "--html", "report.html").exit_code == 0
    page = Path("report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_failed_query_is_told_and_the_exit_code_is_that_of_a_part(
    recipe: Path, suite_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagora.testing.toy_generator import ToyQuote

    def down(self: ToyQuote, *_: object, **__: object) -> None:
        raise StageError("the server is down")

    monkeypatch.setattr(ToyQuote, "chat", down)
    done = imagora("eval", recipe, suite_folder)
    assert done.exit_code == 3
    assert "5, 5 failed" in done.stdout
    assert "failed: red: the server is down" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (("toys.yaml", "shp"), 2, "there is no folder and no shipped suite called 'shp'"),
        (("toys.yaml", "shop", "--slice", "language=fr"), 2, "the suite 'shop' has no queries of language=fr"),
        (("toys.yaml", "shop", "--slice", "de"), 2, "a slice is said as key=value, such as language=de"),
        (("tyos.yaml", "shop"), 1, "did you mean 'toys.yaml'?"),
        (("toys.yaml",), 2, "missing argument 'suite'"),
        (("toys.yaml", "shop", "--html", "none/report.html"), 1, "none/report.html"),
        (("history",), 2, "there are no such runs"),
        (("new", "shop"), 2, "'shop' is there and not empty; name another folder"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    arguments: tuple[str, ...], code: int, wanted: str, recipe: Path, suite_folder: Path
) -> None:
    done = imagora("eval", *arguments)
    assert done.exit_code == code
    assert wanted in done.stderr
    assert "Traceback" not in done.output


def test_the_history_shows_and_draws_what_was_recorded(recipe: Path, suite_folder: Path) -> None:
    assert imagora("eval", recipe, suite_folder).exit_code == 0
    assert imagora("eval", written({"retriever": {"use": "toy_retriever"}}), suite_folder).exit_code == 0
    done = imagora("eval", "history", "toys", "shop", "--html", "history.html", "--svg", "history.svg")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("shop") == 2
    html5lib.HTMLParser(strict=True).parse(Path("history.html").read_text())
    assert "nDCG@10" in Path("history.svg").read_text()
    listed = json.loads(imagora("eval", "history", "--json").stdout)
    assert len({one["recipe_hash"] for one in listed}) == 2
    assert len({one["suite_digest"] for one in listed}) == 1
    assert History().run(listed[0]["id"]).recipe_hash == listed[0]["recipe_hash"]
    assert imagora("eval", "history", "others").exit_code == 2
    assert "did you mean 'nDCG@10'?" in imagora("eval", "history", "--metric", "nDCG").stderr


def test_a_new_suite_works_as_it_is(recipe: Path) -> None:
    assert imagora("eval", "new", "mine").exit_code == 0
    done = imagora("eval", "check", "mine")
    assert (done.exit_code, done.stdout) == (
        0,
        "mine: 2 queries, 1 of them to be refused; 1 items, 0 unreadable\n",
    )
    assert imagora("eval", recipe, "mine").exit_code == 0


def test_a_new_suite_samples_what_a_recipe_has_ingested(recipe: Path, suite_folder: Path) -> None:
    mine = written({"source": {"use": "folder", "path": "shop/corpus"}}, "mine.yaml")
    assert imagora("ingest", mine).exit_code == 0
    assert imagora("eval", "new", "sampled", "--from", mine, "--items", 3).exit_code == 0
    queries = [json.loads(line) for line in Path("sampled/queries.jsonl").read_text().splitlines()]
    grades = [json.loads(line) for line in Path("sampled/qrels.jsonl").read_text().splitlines()]
    judge = [json.loads(line) for line in Path("sampled/to-be-judged.jsonl").read_text().splitlines()]
    assert len(queries) == len(grades) == 3
    assert judge
    assert all(one["grade"] is None for one in judge)
    run = EvalRun.from_json(imagora("eval", mine, "sampled", "--json").stdout)
    assert run.mean("RR") == 1.0  # each item finds itself


def test_check_names_judgements_of_what_is_not_in_the_corpus(suite_folder: Path) -> None:
    (suite_folder / "qrels").write_text("red 0 rde.png 2\n")
    done = imagora("eval", "check", suite_folder)
    assert done.exit_code == 1
    assert "'rde.png', judged for the query 'red', is not in the corpus; did you mean 'red.png'?" in done.stdout
    assert "3 queries have nothing relevant, and count in no metric of a ranking: note, rot, picture" in done.stdout
    assert json.loads(imagora("eval", "check", suite_folder, "--json").stdout)["items"] == 4


def test_help_needs_nothing_heavy(toys: None, tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv[1:] = ['eval', '--help']\n"
        "import atexit; atexit.register(lambda: print(sorted({'scipy', 'matplotlib', 'numpy', 'ir_measures', "
        "'llama_index', 'fsspec', 'torch'} & set(sys.modules)), file=sys.stderr))\n"
        "from imagora.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment_with(None), cwd=tmp_path
    )
    assert "history" in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"
