"""The command line over installed toys: exit codes, JSON, a clean terminal, and no traceback for a user's mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from toy_distributions import TOYS, environment_with, install, install_toys
from toy_recipes import ITEMS, recipe_of, write
from toy_stages import square
from typer.testing import CliRunner, Result

KEPT = {"use": "toy_memory", "path": "index.json"}
EVIL = "\x1b[31mred\x1b[2J\x9b5m\u202e\r\b"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the toys installed for it, recipes, and an index of toys.yaml."""
    install_toys(tmp_path / "site")
    for folder in (TOYS, tmp_path / "site"):
        monkeypatch.syspath_prepend(str(folder))
    installed_catalog.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write(tmp_path, recipe_of(index=KEPT))
    write(tmp_path, recipe_of(index={"use": "toy_memory", "path": "none.json"}), "unfilled.yaml")
    write(tmp_path, recipe_of(index=KEPT, generator=None), "search-only.yaml")
    write(tmp_path, {"recipe": 1, "generator": {"use": "toy_quote"}}, "bare.yaml")
    write(tmp_path, "recipe: 1\nretreiver: {}\n", "wrong.yaml")
    write(tmp_path, "recipe: [\n", "no-yaml.yaml")
    (tmp_path / "folder").mkdir()
    (tmp_path / "blue.png").write_bytes(square("blue"))
    (tmp_path / "broken.png").write_bytes(square("blue")[:50])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "words.png").write_text("not a picture")
    assert run("ingest", "toys.yaml").exit_code == 0
    yield tmp_path
    installed_catalog.cache_clear()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_ingest_says_what_it_did(shop: Path) -> None:
    done = run("ingest", "toys.yaml")
    assert done.exit_code == 0
    assert done.stdout.startswith("4 unchanged; nothing embedded anew, in ")
    report = json.loads(run("ingest", "toys.yaml", "--json").stdout)
    assert (report["unchanged"], report["added"], report["quarantined"]) == (4, 0, [])


def test_what_is_done_in_part_ends_with_3_and_what_failed_whole_with_1(shop: Path) -> None:
    write(shop, recipe_of(items=[*ITEMS, {"uri": "x", "broken": True}], index=KEPT), "part.yaml")
    done = run("ingest", "part.yaml")
    assert done.exit_code == 3
    assert "1 in quarantine, because they cannot be used:" in done.stdout
    assert "  x: the list says that it is broken" in done.stdout
    write(shop, recipe_of(items=[{"uri": "x", "broken": True}], index={"use": "toy_memory"}), "all.yaml")
    assert run("ingest", "all.yaml").exit_code == 1


def test_search_and_ask_show_what_they_found(shop: Path) -> None:
    found = run("search", "toys.yaml", "blue", "waves", "--top", "2")
    assert (found.exit_code, found.stdout.splitlines()[1].split()[:4]) == (0, ["[1]", "the", "sea", "sea"])
    assert len(found.stdout.splitlines()) == 3
    asked = run("ask", "toys.yaml", "a red rose", "--explain")
    assert asked.exit_code == 0
    assert "A red rose in a vase. [1]" in asked.stdout
    assert "[1] a rose (rose)" in asked.stdout
    assert "time: retriever toy_retriever " in asked.stdout
    assert "recipe toys (" in asked.stdout


def test_a_picture_alone_is_a_query(shop: Path) -> None:
    found = json.loads(run("search", "toys.yaml", "-i", "blue.png", "--json").stdout)
    assert found["passages"][0]["metadata"]["uri"] == "sea"


def test_filters_hold(shop: Path) -> None:
    found = json.loads(run("search", "toys.yaml", "rose", "--filter", "price>=5", "--json").stdout)
    assert [passage["metadata"]["uri"] for passage in found["passages"]] == ["rose"]
    assert "nothing was found" in run("search", "toys.yaml", "rose", "--filter", "price>5").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins", "--json"],
        ["search", "toys.yaml", "rose", "--json"],
        ["ask", "toys.yaml", "rose", "--json"],
        ["ask", "toys.yaml", "rose", "--json", "--explain"],
        ["ingest", "toys.yaml", "--json"],
    ],
    ids=" ".join,
)
def test_json_is_json_and_nothing_else(arguments: list[str], shop: Path) -> None:
    done = run(*arguments)

    def no_constant(name: str) -> None:
        raise AssertionError(name)

    assert isinstance(json.loads(done.stdout, parse_constant=no_constant), dict)
    assert done.exit_code == 0


MISTAKES: dict[str, tuple[int, list[str], str]] = {
    "no command of that name": (2, ["serch", "toys.yaml"], "no such command 'serch'; did you mean 'search'?"),
    "no such option": (2, ["search", "toys.yaml", "rose", "--tpo", "3"], "no such option: --tpo"),
    "no recipe": (2, ["search"], "missing argument 'recipe'; type: imagora search --help"),
    "nothing to look for": (2, ["search", "toys.yaml"], "say what to look for in words, or give a picture"),
    "nothing asked": (2, ["ask", "toys.yaml"], "ask something in words, or give a picture"),
    "blanks": (2, ["ask", "toys.yaml", "  "], "ask something in words, or give a picture"),
    "no passages wanted": (2, ["search", "toys.yaml", "rose", "--top", "0"], "invalid value for '--top'"),
    "a word for a number": (2, ["search", "toys.yaml", "rose", "--top", "many"], "invalid value for '--top'"),
    "no condition": (2, ["search", "toys.yaml", "rose", "--filter", "price"], "is not a condition; write e.g."),
    "words compared": (2, ["search", "toys.yaml", "rose", "--filter", "price<much"], "only numbers can be compared"),
    "no such file": (1, ["search", "nowhere.yaml", "rose"], "nowhere.yaml:1:1: there is no such file"),
    "no such recipe": (1, ["search", "startr", "rose"], "did you mean 'starter'?"),
    "a folder": (1, ["search", "folder", "rose"], "folder:1:1: is a folder, not a recipe file"),
    "an empty name": (1, ["search", "", "rose"], "there is no file and no shipped recipe called ''"),
    "a long name": (1, ["search", "x" * 5000, "rose"], "there is no file and no shipped recipe"),
    "no YAML": (1, ["search", "no-yaml.yaml", "rose"], "no-yaml.yaml:2:1: is not YAML"),
    "a wrong recipe": (1, ["ask", "wrong.yaml", "rose"], "did you mean 'retriever'?"),
    "a wrong recipe checked": (1, ["recipe", "check", "wrong.yaml"], "did you mean 'retriever'?"),
    "a picture for a recipe": (1, ["recipe", "show", "blue.png"], "blue.png:1:1: is not UTF-8 text"),
    "nothing ingested": (1, ["search", "unfilled.yaml", "rose"], "there is no index at"),
    "no generator": (2, ["ask", "search-only.yaml", "rose"], "has no generator: search with it, or add one"),
    "no picture there": (
        1,
        ["search", "toys.yaml", "-i", "no.png"],
        "error: the picture 'no.png' cannot be used: it cannot be read",
    ),
    "a broken picture": (
        1,
        ["search", "toys.yaml", "-i", "broken.png"],
        "error: the picture 'broken.png' cannot be used: ",
    ),
    "an empty picture": (1, ["search", "toys.yaml", "-i", "empty.png"], "the file is empty"),
    "words for a picture": (
        1,
        ["ask", "toys.yaml", "rose", "-i", "words.png"],
        "error: the picture 'words.png' cannot be used: ",
    ),
    "a folder for a picture": (1, ["search", "toys.yaml", "-i", "folder"], "it is not a regular file"),
    "no index to ingest into": (1, ["ingest", "bare.yaml"], "has no index to ingest into"),
    "no path in the source": (1, ["ingest", "toys.yaml", "--source", "folder"], "has no source that takes a path"),
    "no component of that name": (2, ["plugins", "toy_quot"], "called 'toy_quot'; did you mean 'toy_quote'?"),
    "a sub-command that is none": (2, ["recipe", "chek", "toys.yaml"], "no such command 'chek'"),
    "a NUL in the name": (1, ["search", "a\0b", "rose"], "there is no file and no shipped recipe called 'a\\x00b'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_users_mistake_is_a_sentence_and_an_exit_code(mistake: str, shop: Path) -> None:
    code, arguments, said = MISTAKES[mistake]
    done = run(*arguments)
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert " ".join(said.split()) in " ".join(done.stderr.replace("│", " ").split())
    assert done.exit_code == code
    assert done.stdout == ""


def test_without_arguments_the_help_is_shown() -> None:
    for arguments in ([], ["recipe"]):
        assert "Usage:" in run(*arguments).output


def test_control_characters_never_reach_the_terminal(shop: Path) -> None:
    title = {"title": f"title {EVIL}", "metadata": {"licence": f"licence {EVIL}", "tags": [EVIL]}}
    items: list[Any] = [
        {"uri": f"uri {EVIL}", "text": f"text {EVIL}", **title},
        {"uri": f"broken {EVIL}", "broken": True},
    ]
    guardrails = {"answer": [{"use": "toy_emails"}]}
    write(
        shop,
        recipe_of(items=items, index={"use": "toy_memory", "path": "evil.json"}, guardrails=guardrails),
        "evil.yaml",
    )
    write(shop, f"recipe: 1\n{json.dumps(EVIL)}: 1\ngenerator: {{use: {json.dumps(EVIL)}}}\n", f"evil {EVIL}.yaml")
    for arguments in (
        ["ingest", "evil.yaml"],
        ["search", "evil.yaml", "text"],
        ["ask", "evil.yaml", "text", "--explain"],
        ["recipe", "show", "evil.yaml"],
        ["recipe", "check", f"evil {EVIL}.yaml"],
        ["recipe", "show", f"evil {EVIL}.yaml"],
        ["search", EVIL, "x"],
        ["search", "toys.yaml", "x", "--filter", EVIL],
        ["search", "toys.yaml", "-i", f"{EVIL}.png"],
    ):
        done = run(*arguments)
        assert done.output
        for line in done.output.split("\n"):
            assert line.isprintable(), (arguments, line)


def test_show_names_files_and_check_counts_components(shop: Path) -> None:
    assert "# toys.yaml:2" in run("recipe", "show", "toys.yaml").stdout
    checked = run("recipe", "check", "toys.yaml").stdout
    assert checked.startswith("toys.yaml: the recipe is fine: 7 components, hash ")


def test_a_disk_that_cannot_be_written_is_told(shop: Path) -> None:
    write(shop, recipe_of(index={"use": "toy_memory", "path": "blue.png/index.json"}), "blocked.yaml")
    done = run("ingest", "blocked.yaml")
    assert (done.exit_code, "Traceback" in done.output) == (1, False)
    assert "blue.png" in done.stderr


SLOW = """
import imagora, time
from imagora import Component, Item, Options
class Slow:
    uri = "slow"
    def count(self): return 1000
    def items(self):
        for n in range(1000):
            if n > 100: time.sleep(0.1)
            yield Item(str(n), "words of " + str(n))
@imagora.hookimpl
def offer_sources():
    return [Component("slow", "a slow source", Options, lambda options, context: Slow())]
"""


def test_an_interrupt_ends_with_130_and_keeps_what_was_written(shop: Path) -> None:
    install(shop / "site", "slow-source", {"slow": "slow_source"}, {"slow_source": SLOW})
    write(shop, recipe_of(source={"use": "slow"}, index={"use": "toy_memory", "path": "slow.json"}), "slow.yaml")
    command = [sys.executable, "-c", "from imagora.cli.main import main; main()", "ingest", "slow.yaml"]
    program = subprocess.Popen(
        command,
        cwd=shop,
        env=environment_with(shop / "site"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    patience = time.monotonic() + 60
    index = shop / "slow.json"
    while not (index.exists() and '"99"' in index.read_text("utf-8")) and time.monotonic() < patience:
        time.sleep(0.02)
    os.kill(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130, said
    assert "interrupted; what was written is kept, and the same command goes on from there" in said
    assert "Traceback" not in said
    assert len(json.loads(index.read_text("utf-8"))["entries"]) >= 100
