"""`imagora recipe lock`: what a recipe runs with, written down, and held against what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .opening import Assigned, Profile, Recipe
from .printable import printable


def lock(
    recipe: Recipe,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The lock; RECIPE.lock, if nothing is said.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say every difference, with exit code 1 where there is one.")
    ] = False,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Write down what a recipe runs with: options, plugins, packages and the hashes of its models.

    With --locked, ingest, search and ask refuse to run on anything else.
    """
    from imagora_recipe.check import check as check_recipe

    from imagora.assembly import assemble

    plan = check_recipe(recipe, profile=profile, said=assigned)
    stages = assemble(plan)
    if check:
        from imagora_recipe_tools.unlocked import refuse_unlocked

        refuse_unlocked(plan, stages, output)
        typer.echo(f"{printable(recipe)}: all is as the lock says")
        return
    from imagora_recipe_tools.lock import lock_file, locked, written

    file, made = output or lock_file(plan), locked(plan, stages)
    file.write_text(written(plan, made), encoding="utf-8")
    counts = ", ".join(f"{len(made[name])} {name}" for name in ("models", "plugins", "packages"))
    typer.echo(f"{printable(str(file))}: hash {made['hash']}, {counts}")
    typer.echo("not locked:")
    for line in made["not_locked"]:
        typer.echo(f"  {printable(line)}")
