"""One language server for all the tests of editors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from imagora.cli.main import app
from typer.testing import CliRunner

from .language_server import LanguageServer, installed, missing

HEAD = "# yaml-language-server: $schema=recipe.schema.json\nrecipe: 1\n"


@dataclass(frozen=True)
class Asked:
    """What the server says of one document, and of the place where it has a bar."""

    server: LanguageServer
    path: Path
    line: int
    column: int
    diagnostics: list[dict[str, Any]]

    def completions(self) -> dict[str, dict[str, Any]]:
        return self.server.completions(self.path, self.line, self.column)

    def hover(self) -> str:
        return self.server.hover(self.path, self.line, self.column)

    def wrong(self) -> list[tuple[int, int, str]]:
        starts = [(said["range"]["start"], said["message"]) for said in self.diagnostics]
        return [(start["line"] + 1, start["character"] + 1, message) for start, message in starts]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schema that the command writes."""
    folder = tmp_path_factory.mktemp("editor")
    done = CliRunner().invoke(app, ["recipe", "schema", "-o", str(folder / "recipe.schema.json")])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[LanguageServer]:
    if why := missing():
        pytest.skip(why)
    with LanguageServer(installed(), folder) as server:
        yield server


@pytest.fixture
def ask(server: LanguageServer, folder: Path, request: pytest.FixtureRequest) -> Callable[[str], Asked]:
    """Open a recipe, below its first two lines; the bar in it is where the cursor is."""

    def opened(text: str, head: str = HEAD) -> Asked:
        before, _, after = (head + text).partition("|")
        path = folder / f"{abs(hash((request.node.name, text)))}.yaml"
        wrong = server.open(path, before + after)
        return Asked(server, path, before.count("\n"), len(before.rpartition("\n")[2]), wrong)

    return opened
