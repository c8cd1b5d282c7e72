"""Faulty commands: one fault each, and the test that must find it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from imagora import Command
from imagora import testing as t


def _toy() -> typer.Typer:
    app = typer.Typer()
    app.command()(lambda: None)
    return app


def offered(command: Command) -> Any:
    return pytest.fixture(lambda self: command)


class FaultyTitle(t.CommandContract):
    """Its name could not be typed."""

    fails = "test_its_name_and_summary_are_fit_to_print"
    offered = offered(Command("Toy Command", "does nothing", _toy))


class FaultyHelp(t.CommandContract):
    """What it gives is no command."""

    fails = "test_it_says_what_it_does_and_what_it_takes"
    offered = offered(Command("toy", "does nothing", SimpleNamespace))


class FaultyTolerance(t.CommandContract):
    """A mistyped option is taken without a word."""

    fails = "test_wrong_use_is_told_in_words"

    @staticmethod
    def _tolerant() -> typer.Typer:
        app = typer.Typer()
        app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(lambda: None)
        return app

    offered = offered(Command("toy", "does nothing", _tolerant))


class FaultyHeavyCommand(t.CommandContract):
    """Listing all commands imports a model's packages."""

    fails = "test_a_list_of_all_commands_imports_nothing_heavy"

    @pytest.fixture
    def offered(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Command:
        module = "import llama_index\nimport imagora\n\n@imagora.hookimpl\ndef offer_commands():\n    return []\n"
        (tmp_path / "heavy_command.py").write_text(module)
        (tmp_path / "heavy-1.dist-info").mkdir()
        (tmp_path / "heavy-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: heavy\nVersion: 1\n")
        (tmp_path / "heavy-1.dist-info" / "entry_points.txt").write_text("[imagora]\nheavy = heavy_command\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        made: Callable[[], typer.Typer] = _toy
        return Command("toy", "does nothing", made)
