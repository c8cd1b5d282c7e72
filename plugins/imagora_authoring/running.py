"""The contracts of installed plugins, run by pytest in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from imagora.errors import MissingExtra, PluginError, did_you_mean

_PYTEST = (
    *("-m", "pytest", "-p", "imagora.testing.outcomes", "-p", "no:terminal", "-p", "no:cacheprovider"),
    *("-c", os.devnull, "--import-mode=importlib", "-o", "python_classes=Test", "--pyargs", "imagora.testing.suite"),
)


@dataclass
class Row:
    """What became of one component's contract; skipped and failed are pairs of a test's sentence and the reason."""

    plugin: str
    kind: str
    component: str
    passed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, told: dict[str, Any]) -> None:
        """Count one test."""
        if told["outcome"] == "passed":
            self.passed += 1
        else:
            (self.failed if told["outcome"] == "failed" else self.skipped).append((told["test"], told["why"]))

    def plain(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        pairs = {name: [dict(zip(("test", "why"), one, strict=True)) for one in getattr(self, name)] for name in _PAIRS}
        return {**asdict(self), **pairs}


_PAIRS = ("failed", "skipped")


def run(plugins: Sequence[str], progress: Callable[[int, int, Row], None]) -> list[Row]:
    """Run the contracts of these plugins, or of all; raise PluginError where they cannot be run."""
    if find_spec("pytest") is None:
        raise MissingExtra(
            "the contracts are run by pytest, which is not installed; type: pip install 'imagora[authoring]'"
        )
    there = sorted({point.name for point in entry_points(group="imagora")})
    for name in plugins:
        if name not in there:
            raise PluginError(f"there is no plugin called '{name}'{did_you_mean(name, there)}")
    rows: dict[tuple[str, ...], Row] = {}
    total, done = 0, 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        environment = {**os.environ, "IMAGORA_PLUGINS": ",".join(plugins)}
        command = [sys.executable, *_PYTEST]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as running:
            assert running.stdout is not None  # noqa: S101 - it is a pipe
            for line in running.stdout:
                if not line.startswith("{"):
                    continue  # a test's own print
                told = json.loads(line)
                if "broken" in told:
                    raise PluginError(f"the contracts cannot be read:\n{told['broken']}")
                total = told.get("tests", total)
                if "outcome" in told:
                    key = (told["plugin"], told["kind"], told["component"])
                    row = rows.setdefault(key, Row(*key))
                    row.hear(told)
                    done += 1
                    progress(done, total, row)
        if running.returncode not in {0, 1, 5}:
            complaints.seek(0)
            raise PluginError(f"pytest ended with {running.returncode}:\n{complaints.read().strip()}")
    return list(rows.values())
