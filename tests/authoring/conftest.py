"""One clean environment for all tests of authors: Imagora from its wheel, an index, pytest, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = (sys.executable, "-m", "uv")


@dataclass(frozen=True)
class Clean:
    """A virtual environment; `run` runs one of its programs and gives what it prints."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *command: str, cwd: Path, code: int = 0) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        environment = {**kept, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, f"{command} exits with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def install(self, *what: str) -> None:
        uv("pip", "install", "--python", str(self.python), *what)


def uv(*words: str) -> None:
    """Run uv; its caches make what it installs hard links."""
    done = subprocess.run([*UV, *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def wheel_of(project: Path, out: Path) -> Path:
    """Build a project's wheel with the packages that are here."""
    uv("build", "--wheel", "--no-build-isolation", "--out-dir", str(out), str(project))
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    place = tmp_path_factory.mktemp("clean")
    wheel = wheel_of(ROOT, place / "dist")
    uv("venv", "--python", sys.executable, str(place / "venv"))
    made = Clean(place / "venv")
    made.install(f"imagora[authoring,qdrant] @ {wheel.as_uri()}")
    return made
