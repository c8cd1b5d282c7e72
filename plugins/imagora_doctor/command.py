"""`imagora doctor`: what it prints, and its exit code."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from imagora.catalog import installed_catalog
from imagora.cli.completing import recipes
from imagora.cli.opening import Assigned, Profile

app = typer.Typer(add_completion=False)
MARKS = {"fine": "✓", "failed": "✗", "skipped": "-"}


@app.command()
def doctor(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE]", help="A shipped recipe's name, or a recipe file.", autocompletion=recipes),
    ] = None,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Look at this machine and, with a recipe, at all that it uses: models, servers, the index, settings.

    Every failure comes with what to do; what needs a failed check is skipped. Nothing is written, and no key or
    password is printed. Exit code 0 where all is fine, 1 where a check failed.
    """
    from .examining import examine

    found = []
    group = ""
    for finding in examine(recipe, installed_catalog(), profile, assigned):
        found.append(finding)
        if as_json:
            continue
        if finding.group != group:
            group = finding.group
            typer.echo(f"{group}")
        code = f" [{finding.code}]" if finding.code else ""
        said = _printable(finding.said).replace("\n", "\n      ")
        typer.echo(f"  {MARKS[finding.state]} {_printable(finding.name)}: {said}{code}")
        if finding.fix:
            typer.echo(f"      {_printable(finding.fix)}")
    failed = sum(finding.state == "failed" for finding in found)
    if as_json:
        typer.echo(json.dumps({"fine": not failed, "checks": [finding.to_dict() for finding in found]}, indent=2))
    else:
        skipped = sum(finding.state == "skipped" for finding in found)
        typer.echo(f"{len(found)} checks: {failed} failed, {skipped} skipped")
    if failed:
        raise typer.Exit(1)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)
