"""`imagora recipe draw`: a recipe as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .opening import Assigned, Profile, Recipe
from .printable import printable


def draw(
    recipe: Recipe,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; what is drawn is printed without it.")
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Mermaid's text instead of SVG.")] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="With the median and the 95th percentile of each stage in recent runs.")
    ] = False,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Draw the roads of an item and of a query: stages, guardrails, filters and wrappers. Nothing is loaded or sent."""
    from imagora_drawing.mermaid import mermaid_of
    from imagora_drawing.scene import scene_of
    from imagora_drawing.svg import svg_of
    from imagora_recipe.check import check

    plan = check(recipe, profile=profile, said=assigned)
    times = None
    if trace:
        from imagora_answering.times import recent, times_file

        from imagora.assembly import assemble

        times = recent(times_file(assemble(plan).index, plan.name), plan.hash)
        if not times:
            typer.echo(f"no runs of '{printable(plan.name)}' are known yet; ask or search with it first", err=True)
    scene = scene_of(plan, times)
    text = mermaid_of(scene) if mermaid else svg_of(scene)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(f"{printable(str(output))}: {len(text):,} characters")
