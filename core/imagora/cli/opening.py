"""A pipeline for a command: the recipe is checked first, so that a mistake in it is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from imagora.pipeline import Pipeline


Locked = Annotated[bool, typer.Option("--locked", help="Refuse to run unless everything is as RECIPE.lock says.")]


def open_pipeline(recipe: str, *, locked: bool = False) -> Pipeline:
    """Check a recipe and build its pipeline; where it is locked, refuse anything else than its lock says."""
    from imagora_recipe.check import check

    plan = check(recipe)
    from imagora.assembly import assemble
    from imagora.pipeline import Pipeline

    stages = assemble(plan)
    if locked:
        from imagora_recipe_tools.unlocked import refuse_unlocked

        refuse_unlocked(plan, stages)
    return Pipeline(plan, stages)
