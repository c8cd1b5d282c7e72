"""`imagora licences`: what it prints, and its exit code."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from imagora.cli.opening import Assigned, Profile, Recipe
from imagora.errors import ImagoraError

app = typer.Typer(add_completion=False)


@app.command()
def licences(
    recipe: Recipe,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the licence of every model, plugin and package in a recipe, and what says so.

    Where the recipe has `licences: [...]`, parts with other licences, and those whose licence is unknown, end in exit
    code 1. Packages are those that the components need, and all that these require, by their metadata.
    """
    from imagora_recipe.check import check
    from rich.console import Console
    from rich.table import Table

    from .listing import parts

    plan = check(recipe, profile=profile, said=assigned)
    found = parts(plan)
    refused = [part for part in found if part.allowed is False]
    unknown = [part for part in found if not part.licence]
    if as_json:
        listed = [part.to_dict() for part in found]
        allowed = list(plan.licences.allowed) if plan.licences else None
        said = {"recipe": plan.name, "parts": listed, "allowed": allowed, "refused": [part.name for part in refused]}
        typer.echo(json.dumps(said, indent=2))
        if refused:
            raise typer.Exit(1)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("kind", "name", "version", "licence", "by"):
        table.add_column(heading, overflow="fold")
    for part in found:
        table.add_row(part.kind, part.name, part.version, part.licence or "unknown", part.said_by)
    Console().print(table)
    if refused:
        lines = "\n".join(f"  {part.name}: {part.licence or 'unknown'} ({part.said_by})" for part in refused)
        what = f"{len(refused)} of {len(found)} parts have a licence that '{plan.file}' does not allow:\n{lines}"
        raise ImagoraError(
            f"{what}\nallow it there, or state what you found out: licences: [{{NAME: MIT}}]", code="IMG-320"
        )
    if unknown:
        typer.echo(
            f"of {len(unknown)} parts nobody says the licence: {', '.join(part.name for part in unknown)}", err=True
        )
