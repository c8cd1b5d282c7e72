"""`imagora eval new` and `imagora eval check`: begin a suite, and look at one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from imagora.cli.opening import Assigned, Profile, open_pipeline

from .options import AsJson


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    recipe: Annotated[
        str | None, typer.Option("--from", metavar="RECIPE", help="Begin with items of this recipe's source and index.")
    ] = None,
    items: Annotated[int, typer.Option(min=1, max=10_000, help="How many items, with --from.")] = 20,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Begin a suite: a small one that works as it is, or one over what a recipe's index holds, to be judged."""
    from imagora_evals.scaffold import sampled, scaffolded

    name = folder.resolve().name
    if recipe is None:
        files = scaffolded(folder, name)
    else:
        with open_pipeline(recipe, profile, assigned) as pipeline:
            files = sampled(folder, name, pipeline, items)
    for file in files:
        typer.echo(f"wrote {file}")
    typer.echo(f"look at it with: imagora eval check {folder}")
    typer.echo(f"ask it with: imagora eval {recipe or 'starter'} {folder}")


def check(
    suite: Annotated[str, typer.Argument(help="A suite; left out, those that come with Imagora are listed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look at a suite: whether its files can be read, and whether its judgements are of items in its corpus."""
    from imagora_evals.suites import find_suite, shipped_suites

    if not suite:
        typer.echo(json.dumps(list(shipped_suites())) if as_json else "\n".join(shipped_suites()))
        return
    from imagora_evals.looking import SHOWN, looked_at

    found = find_suite(suite)
    looked = looked_at(found)
    if as_json:
        counts = {"queries": len(found.queries), "judged": len(found.qrels), "digest": found.digest}
        typer.echo(json.dumps({"name": found.name, **counts, **asdict(looked)}, indent=2))
    else:
        refused = sum(one.refuse for one in found.queries)
        typer.echo(f"{found.name}: {len(found.queries)} queries, {refused} of them to be refused", nl=False)
        typer.echo("" if looked.items is None else f"; {looked.items} items, {looked.unreadable} unreadable")
        for line in (*looked.wrong[:SHOWN], *looked.notes):
            typer.echo(f"  {line}")
        if len(looked.wrong) > SHOWN:
            typer.echo(f"  … and {len(looked.wrong) - SHOWN} more (all of them with --json)")
    if looked.wrong:
        raise typer.Exit(1)
