"""What `imagora plugin new` writes is green, well formatted and well typed as it is, for every kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from imagora.catalog import KINDS
from imagora_authoring import project


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of every kind, and a folder `site` in which all of them are installed."""
    place = tmp_path_factory.mktemp("kinds")
    (place / "site" / "mine-1.dist-info").mkdir(parents=True)
    points = []
    for kind in project.KINDS:
        made = project.begin(f"my_{kind}", kind, place)
        (place / "site" / f"imagora_my_{kind}").symlink_to(made / f"imagora_my_{kind}")
        points.append(f"my_{kind} = imagora_my_{kind}")
    about = place / "site" / "mine-1.dist-info"
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[imagora]\n" + "\n".join(points))
    return place


def run(*command: str, cwd: Path, site: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site or ""), "COLUMNS": "160"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_is_a_template_for_every_kind() -> None:
    assert {*project.KINDS} == {*KINDS, "command"}


def test_every_kinds_contract_is_green_as_it_is(projects: Path) -> None:
    site = projects / "site"
    names = [f"my_{kind}" for kind in project.KINDS]
    rows = json.loads(run("imagora", "plugin", "test", *names, "--json", cwd=projects, site=site))
    assert [row for row in rows if row["failed"] or not row["passed"]] == []
    assert {row["kind"] for row in rows} == {*project.KINDS, "plugin"}


def test_every_kinds_own_tests_are_the_contract(projects: Path) -> None:
    said = run("pytest", "-q", "-p", "no:cacheprovider", cwd=projects / "imagora-my-source", site=projects / "site")
    assert "2 passed" in said


def test_every_kind_is_well_formatted(projects: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is not in this environment; the tox environment `authoring` has it")
    rules = ("--select", "E,F,W,I,N,UP,B,D1,PL", "--ignore", "D107,PLC0415")
    for made in projects.glob("imagora-my-*"):
        run("ruff", "check", "--no-cache", *rules, ".", cwd=made)
        run("ruff", "format", "--check", "--no-cache", ".", cwd=made)


def test_every_kind_is_well_typed(projects: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not in this environment; the tox environment `authoring` has it")
    # LlamaIndex takes a minute to check; what is ours is checked here, and theirs stands for anything.
    (projects / "mypy.ini").write_text("[mypy]\nstrict = True\n[mypy-llama_index.*]\nfollow_imports = skip\n")
    packages = [word for kind in project.KINDS for word in ("-p", f"imagora_my_{kind}")]
    flags = ["--config-file", "mypy.ini", "--allow-subclassing-any", "--allow-untyped-calls"]
    said = run("mypy", *flags, *packages, cwd=projects, site=projects / "site")
    assert "no issues found" in said
