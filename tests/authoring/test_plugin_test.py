"""`imagora plugin test` finds what is wrong, says why it skips, and ends with the code that CI needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from imagora.cli.main import app
from imagora_authoring import project, running
from typer.testing import CliRunner

BEHIND = "        return sorted(scored, key=lambda node: -(node.score or 0.0))[: self.keep]\n"


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A reranker that drops passages without words, installed in a folder."""
    made = project.begin("wordy", "reranker", tmp_path) / "imagora_wordy"
    text = (made / "reranker.py").read_text()
    assert BEHIND in text
    (made / "reranker.py").write_text(text.replace(BEHIND, "        return [n for n in scored if n.get_content()]\n"))
    (about := made.parent / "wordy-1.dist-info").mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: wordy\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[imagora]\nwordy = imagora_wordy\n")
    return made.parent


def run(*words: str, site: Path, code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "140"}
    command = [sys.executable, "-m", "imagora", "plugin", "test", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_a_faulty_plugin_is_named_with_the_sentence_that_it_fails(faulty: Path) -> None:
    said = run("wordy", site=faulty, code=1)
    assert "failed: reranker 'wordy': it copes with few passages" in said
    assert "a picture without words" in said, "and why"


def test_a_contract_that_cannot_be_read_is_told_with_its_reason(faulty: Path) -> None:
    (faulty / "imagora_wordy" / "contract.py").write_text("import no_such_package\n")
    environment = {**os.environ, "PYTHONPATH": str(faulty)}
    command = [sys.executable, "-m", "imagora", "plugin", "test", "wordy"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "No module named 'no_such_package'" in done.stderr


def test_built_in_plugins_pass_or_say_why_they_are_skipped(tmp_path: Path) -> None:
    rows = json.loads(run("folder", "hybrid", "ingestion", "kafka", "qdrant", "visual", "--json", site=tmp_path))
    assert [row for row in rows if row["failed"]] == []
    skipped = {row["component"]: row["skipped"] for row in rows if not row["passed"]}
    assert set(skipped) <= {"kafka"}
    assert all(one["why"].strip() for row in rows for one in row["skipped"])
    kinds = {row["kind"] for row in rows}
    assert kinds >= {"source", "retriever", "ledger", "engine", "index", "embedder", "reranker", "plugin"}


def test_a_name_that_there_is_not_is_told_with_what_there_is() -> None:
    said = CliRunner().invoke(app, ["plugin", "test", "qdrnt"])
    assert said.exit_code == 1
    assert "there is no plugin called 'qdrnt'; did you mean 'qdrant'?" in said.output


@pytest.mark.parametrize("words", [["new", "mine"], ["update"], ["test"]])
def test_what_is_not_installed_is_told_with_the_pip_line(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (project, running):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    said = CliRunner().invoke(app, ["plugin", *words])
    assert said.exit_code == 1
    assert "type: pip install 'imagora[authoring]'" in said.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new", "Mine"], "a plugin's name has small letters, digits and underscores, and 'Mine' has others"),
        (["new", "mine", "--kind", "rerankr"], "there is no kind called 'rerankr'; did you mean 'reranker'?"),
    ],
)
def test_what_cannot_be_begun_is_told(words: list[str], told: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["plugin", *words, "-o", str(tmp_path)])
    assert said.exit_code == 1
    assert told in " ".join(said.output.split())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "imagora-mine").mkdir()
    (tmp_path / "imagora-mine" / "mine.txt").write_text("mine")
    said = CliRunner().invoke(app, ["plugin", "new", "mine", "-o", str(tmp_path)])
    assert said.exit_code == 1 and "is there already" in said.output
    assert [path.name for path in (tmp_path / "imagora-mine").iterdir()] == ["mine.txt"]
