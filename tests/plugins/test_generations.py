"""Generations of an index from the command line: built beside one another, switched, rolled back, removed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from imagora.cli.main import main

RECIPE = """\
recipe: 1
source: {use: folder, path: ./texts}
embedders: {sparse: {use: bm25, k: %s}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid}
"""


def imagora(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run the command line in this process, which need not start for each of many commands."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["imagora", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code in ((0, None) if code == 0 else (code,)), said.getvalue()
    assert "Traceback" not in said.getvalue()
    return said.getvalue()


def report(folder: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(imagora(folder, *arguments, "--json"))
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "texts").mkdir()
    for name in ("rose", "lemon", "wave"):
        (tmp_path / "texts" / f"{name}.txt").write_text(f"a {name} on a table")
    (tmp_path / "old.yaml").write_text(RECIPE % "1.2")
    (tmp_path / "new.yaml").write_text(RECIPE % "1.9")
    assert report(tmp_path, "ingest", "old.yaml")["added"] == 3
    return tmp_path


def test_the_old_generation_answers_until_the_switch_and_again_after_a_rollback(shop: Path) -> None:
    assert report(shop, "ingest", "new.yaml", "--dry-run")["add"] == 3
    said = imagora(shop, "ingest", "new.yaml")
    assert "generation 2 is up to date and does not answer yet; let it, with: imagora index switch new.yaml" in said
    assert "rose.txt" in imagora(shop, "search", "old.yaml", "rose")
    assert "imagora index switch new" in imagora(shop, "search", "new.yaml", "rose", code=1)
    assert imagora(shop, "index", "switch", "new") == "generation 2 answers from now on\n"
    assert "rose.txt" in imagora(shop, "search", "new.yaml", "rose")
    imagora(shop, "search", "old.yaml", "rose", code=1)
    assert "its vectors are of other embedders" in imagora(shop, "index", "rollback", "new.yaml")
    assert "rose.txt" in imagora(shop, "search", "old.yaml", "rose")


def test_each_generation_is_brought_up_to_date_on_its_own(shop: Path) -> None:
    report(shop, "ingest", "new.yaml")
    (shop / "texts/rose.txt").unlink()
    (shop / "texts/lemon.txt").write_text("a lemon in a tree")
    assert (found := report(shop, "ingest", "new.yaml"))["deleted"] == 1
    assert (found["changed"], found["unchanged"], found["generation"], found["answering"]) == (1, 1, 2, False)
    shown = report(shop, "index", "info", "old.yaml")
    assert [one["items"] for one in shown["generations"]] == [3, 2]
    assert (found := report(shop, "ingest", "old.yaml"))["deleted"] == 1
    assert (found["changed"], found["generation"], found["answering"]) == (1, 1, True)
    for recipe in ("old.yaml", "new.yaml"):
        assert report(shop, "index", "verify", recipe)["agree"]


def test_a_generation_that_is_not_complete_is_not_switched_to_unless_forced(shop: Path) -> None:
    report(shop, "ingest", "new.yaml", "--limit", "1")
    said = imagora(shop, "index", "switch", "new.yaml", code=1)
    assert "generation 2 is not complete: its ingest never reached the source's end" in said
    assert "rose.txt" in imagora(shop, "search", "old.yaml", "rose")
    assert "not complete" in imagora(shop, "index", "info", "new.yaml")
    assert report(shop, "index", "switch", "new.yaml", "--force")["answering"] == 2
    report(shop, "index", "rollback", "new.yaml")
    report(shop, "ingest", "new.yaml")
    assert report(shop, "index", "switch", "new.yaml")["answering"] == 2


def test_what_cannot_be_switched_to_is_told(shop: Path) -> None:
    said = imagora(shop, "index", "switch", "new.yaml", code=1)
    assert "no generation at 'index' has vectors of the recipe's embedders; make one with: imagora ingest new" in said
    assert "there is no generation 7 at 'index' (there is: 1)" in imagora(
        shop, "index", "switch", "old.yaml", "7", code=1
    )
    assert "there was no generation before" in imagora(shop, "index", "rollback", "old.yaml", code=1)


def test_gc_keeps_what_a_rollback_needs_and_what_is_on_its_way(shop: Path) -> None:
    (shop / "third.yaml").write_text(RECIPE % "0.5")
    report(shop, "ingest", "new.yaml")
    assert report(shop, "index", "gc", "old.yaml")["removed"] == [], "2 may be on its way"
    report(shop, "index", "switch", "new.yaml")
    report(shop, "ingest", "third.yaml")
    assert report(shop, "index", "gc", "new.yaml")["removed"] == [], "1 was before"
    report(shop, "index", "switch", "third.yaml")
    assert report(shop, "index", "gc", "third.yaml", "--dry-run")["removed"] == [1]
    assert report(shop, "index", "gc", "third.yaml")["removed"] == [1]
    assert [one["number"] for one in report(shop, "index", "info", "third.yaml")["generations"]] == [2, 3]
    assert report(shop, "index", "gc", "third.yaml", "--all")["removed"] == [2]
    assert "rose.txt" in imagora(shop, "search", "third.yaml", "rose")
    found = report(shop, "ingest", "new.yaml")
    assert (found["generation"], found["added"]) == (4, 3), "nothing is taken for there that went with its generation"


def test_a_process_goes_on_answering_from_the_old_one_while_the_new_one_is_built_and_switched_to(shop: Path) -> None:
    program = """
import sys
from imagora import load
with load("old.yaml") as pipeline:
    for line in sys.stdin:
        print([p.node.metadata["uri"] for p in pipeline.search("rose", top_k=1).passages], flush=True)
"""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], cwd=shop, env=environment, text=True, **pipes) as old:  # type: ignore[call-overload]  # the pipes come by name

        def ask() -> str:
            old.stdin.write("\n")
            old.stdin.flush()
            return str(old.stdout.readline().strip())

        assert ask() == "['rose.txt']"
        report(shop, "ingest", "new.yaml")
        assert ask() == "['rose.txt']"
        report(shop, "index", "switch", "new.yaml")
        assert ask() == "['rose.txt']"
        assert "rose.txt" in imagora(shop, "search", "new.yaml", "rose")
        old.stdin.close()
        until = time.monotonic() + 30
        while old.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
    assert old.returncode == 0
