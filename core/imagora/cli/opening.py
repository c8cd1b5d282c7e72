"""A pipeline for a command: the recipe is checked first, so that a mistake in it is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .completing import profiles, recipes
from .printable import printable

if TYPE_CHECKING:
    from imagora.pipeline import Pipeline

Recipe = Annotated[str, typer.Argument(help="A shipped recipe's name, or a recipe file.", autocompletion=recipes)]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="A profile of the recipe, or more with commas between; otherwise what IMAGORA_PROFILE names.",
        autocompletion=profiles,
    ),
]
Assigned = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="A value in the recipe's place, e.g. index.path=./index; more than once."
    ),
]

Locked = Annotated[bool, typer.Option("--locked", help="Refuse to run unless everything is as RECIPE.lock says.")]


def as_typed(recipe: str, profile: str | None, assigned: list[str] | None) -> str:
    """Give the recipe as it was named, for a line to type; values that were set may be secrets and are left out."""
    chosen = f" --profile {printable(profile)}" if profile else ""
    return printable(recipe) + chosen + (" --set …" if assigned else "")


def open_pipeline(
    recipe: str, profile: str | None = None, assigned: list[str] | None = None, *, locked: bool = False
) -> Pipeline:
    """Check a recipe and build its pipeline; where it is locked, refuse anything else than its lock says."""
    from imagora_recipe.check import check

    plan = check(recipe, profile=profile, said=assigned)
    from imagora.assembly import assemble
    from imagora.pipeline import Pipeline

    stages = assemble(plan)
    if locked:
        from imagora_recipe_tools.unlocked import refuse_unlocked

        refuse_unlocked(plan, stages)
    return Pipeline(plan, stages)
