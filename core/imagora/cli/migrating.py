"""`imagora recipe migrate`: recipes of older versions rewritten where they lie, their comments kept."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagora.errors import Problem, QueryError, RecipeError

from .completing import recipes
from .printable import printable

if TYPE_CHECKING:
    from imagora_recipe_tools.migrate import Migrated


def migrate(
    files: Annotated[list[str], typer.Argument(help="Recipe files.", metavar="FILE…", autocompletion=recipes)],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where a file is of an older version.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would change.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Another file to write to, for one FILE.")
    ] = None,
    since: Annotated[
        int | None, typer.Option("--from", min=0, help="The version that the files are of, whatever they say.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Rewrite recipes of older versions to the version of today; comments, order and quotes stay."""
    if output is not None and len(files) > 1:
        raise QueryError("-o goes with one file only", code="IMG-105")
    problems: list[Problem] = []
    told = []
    for file in files:
        try:
            before, found = _migrated(Path(file), since)
        except RecipeError as error:
            problems += error.problems
            continue
        told.append({"file": file, "version": found.version, "steps": list(found.steps)})
        if not as_json:
            _say(file, found, done=not (check or dry_run))
        if dry_run and found.steps and not as_json:
            typer.echo("".join(map(printable, _diff(file, before, found.text))), nl=False)
        if not (check or dry_run) and (found.steps or output):
            _write(output or Path(file), found.text, like=Path(file))
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    if problems:
        raise RecipeError(problems)
    if check and any(one["steps"] for one in told):
        raise typer.Exit(1)


def _migrated(file: Path, since: int | None) -> tuple[str, Migrated]:
    from imagora_recipe.tree import read
    from imagora_recipe_tools.migrate import migrate as rewrite

    read(file)  # which says what is wrong with the file itself
    with file.open(encoding="utf-8-sig", newline="") as stream:
        text = stream.read()
    return text, rewrite(text, str(file), since)


def _say(file: str, found: Migrated, *, done: bool) -> None:
    if not found.steps:
        typer.echo(f"{printable(file)}: is of the version of today")
        return
    typer.echo(f"{printable(file)}: {'was' if done else 'is'} of version {found.version}")
    for step in found.steps:
        typer.echo(f"  {printable(step)}")


def _diff(file: str, before: str, after: str) -> list[str]:
    return list(difflib.unified_diff(before.splitlines(True), after.splitlines(True), file, file))


def _write(file: Path, text: str, *, like: Path) -> None:
    """Write a file whole or not at all, with the rights of another."""
    file = file.resolve()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=file.parent, delete=False) as made:
        made.write(text)
    shutil.copymode(like, made.name)
    os.replace(made.name, file)  # noqa: PTH105 - a name, not a path
