"""A project is brought up to a newer template: what the author wrote stays, and conflicts are marked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from imagora.cli.main import app
from imagora_authoring import project
from typer.testing import CliRunner


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A project under git, in which the author wrote something."""
    place = project.begin("stripes", "reranker", tmp_path)
    own = place / "imagora_stripes" / "reranker.py"
    own.write_text(own.read_text().replace("more of the query's words", "more stripes"))
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Begin"]):
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *author, *words], cwd=place, check=True)
    return place


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second version of the template, with another line in tox.ini and in the reranker."""
    templates = tmp_path / "template"
    shutil.copytree(project.TEMPLATES, templates)
    last = project.versions()[-1]
    second = templates / str(int(last) + 1)
    shutil.copytree(templates / last, second)
    for file, before, after in (
        ("project/tox.ini.jinja", "py311, py312, py313", "py312, py313, py314"),
        ("project/.copier-answers.yml.jinja", f"_commit: v{last}", f"_commit: v{second.name}"),
        ("kinds/reranker.py.jinja", "LlamaIndex node postprocessor", "LlamaIndex postprocessor"),
    ):
        text = (second / file).read_text()
        assert before in text
        (second / file).write_text(text.replace(before, after))
    monkeypatch.setattr(project, "TEMPLATES", templates)
    return second


def update(place: Path, code: int = 0) -> str:
    said = CliRunner().invoke(app, ["plugin", "update", str(place)])
    assert said.exit_code == code, said.output
    return said.output + said.stderr


def test_a_project_of_the_newest_template_stays_as_it_is(made: Path) -> None:
    assert "has the newest template" in update(made)
    assert subprocess.run(["git", "status", "--short"], cwd=made, capture_output=True, check=True).stdout == b""


def test_an_update_brings_what_is_new_and_keeps_what_the_author_wrote(made: Path, newer: Path) -> None:
    assert f"has version {newer.name} of the template" in update(made)
    assert "py314" in (made / "tox.ini").read_text()
    reranker = (made / "imagora_stripes" / "reranker.py").read_text()
    assert "LlamaIndex postprocessor" in reranker and "more stripes" in reranker and "<<<<" not in reranker
    assert project.template_of(made) == newer.name
    assert "has the newest template" in update(made)


def test_a_project_with_uncommitted_changes_is_left_alone(made: Path, newer: Path) -> None:
    (made / "tox.ini").write_text("[tox]\n")
    assert "cannot be brought up to date" in update(made, code=1)
    assert (made / "tox.ini").read_text() == "[tox]\n"


def test_what_did_not_come_out_of_the_template_is_refused(tmp_path: Path) -> None:
    assert "did not come out of 'imagora plugin new'" in update(tmp_path, code=1)


def test_the_template_says_its_own_version() -> None:
    for version in project.versions():
        answers = project.TEMPLATES / version / "project" / ".copier-answers.yml.jinja"
        assert f"_commit: v{version}\n" in answers.read_text()
