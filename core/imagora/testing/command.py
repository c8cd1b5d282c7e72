"""The contract of commands: listed without being imported, with help, and wrong use told in words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import ClassVar

import pytest
import typer
from typer.testing import CliRunner

from imagora.catalog import installed_catalog
from imagora.component import Command

LISTED = """import sys
from imagora.cli.main import app
from typer.testing import CliRunner
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print(*sorted({"torch", "llama_index", "transformers", "qdrant_client"} & set(sys.modules)))"""


class CommandContract:
    """Name the `command`, or give the fixture `offered`: a Command that a plugin offers."""

    kind: ClassVar[str] = "command"
    command: ClassVar[str] = ""

    @pytest.fixture
    def offered(self) -> Command:
        return next(one for one in installed_catalog().commands() if one.name == self.command)

    def test_its_name_and_summary_are_fit_to_print(self, offered: Command) -> None:
        assert re.fullmatch(r"((recipe|index) )?[a-z][a-z0-9-]*", offered.name) and offered.summary.strip()

    def test_it_says_what_it_does_and_what_it_takes(self, offered: Command) -> None:
        app = offered.app()
        assert isinstance(app, typer.Typer)
        said = CliRunner().invoke(app, ["--help"])
        assert said.exit_code == 0 and "--help" in said.output

    def test_wrong_use_is_told_in_words(self, offered: Command) -> None:
        said = CliRunner().invoke(offered.app(), ["--no-such-option"])
        assert said.exit_code == 2 and "no-such-option" in said.output + said.stderr

    def test_a_list_of_all_commands_imports_nothing_heavy(self, offered: Command) -> None:
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = subprocess.run([sys.executable, "-c", LISTED], env=paths, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr
