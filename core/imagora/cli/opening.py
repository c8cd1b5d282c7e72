"""A pipeline for a command: the recipe is checked first, so that a mistake in it is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagora.pipeline import Pipeline


def open_pipeline(recipe: str) -> Pipeline:
    """Check a recipe and build its pipeline."""
    from imagora_recipe.check import check

    plan = check(recipe)
    from imagora.assembly import assemble
    from imagora.pipeline import Pipeline

    return Pipeline(plan, assemble(plan))
