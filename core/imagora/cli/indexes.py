"""`imagora index`: what an index holds, whether it agrees with its ledger, and how it is mended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .opening import open_pipeline
from .printable import printable

if TYPE_CHECKING:
    from imagora_ingestion.verify import Comparison

app = typer.Typer(no_args_is_help=True, help="Look at an index, check it and mend it.")

Recipe = Annotated[str, typer.Argument(help="A shipped recipe's name, or a recipe file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


@app.command()
def info(recipe: Recipe, as_json: AsJson = False) -> None:
    """Show where the index is, how much it holds, and whose vectors."""
    from imagora_ingestion.verify import compare

    with open_pipeline(recipe) as pipeline:
        found = compare(pipeline.plan, pipeline.stages)
        legs = {leg: str(embedder.identity()) for leg, embedder in pipeline.stages.embedders.items()}
    if as_json:
        typer.echo(json.dumps({**found.to_dict(), "legs": legs}, indent=2))
        return
    typer.echo(f"index:   {printable(found.place)}, {found.entries} entries")
    typer.echo(f"ledger:  {printable(found.ledger)}, {found.items} items, {len(found.quarantined)} in quarantine")
    for leg, identity in legs.items():
        typer.echo(f"{leg + ':':8} {printable(identity)}")


@app.command()
def verify(recipe: Recipe, as_json: AsJson = False) -> None:
    """Hold the index against its ledger; exit code 1 where they differ."""
    from imagora_ingestion.verify import compare

    with open_pipeline(recipe) as pipeline:
        found = compare(pipeline.plan, pipeline.stages)
    _show(found, as_json=as_json)
    if not found.agree:
        if not as_json:
            typer.echo(f"mend it with: imagora index repair {printable(recipe)}", err=True)
        raise typer.Exit(1)


@app.command()
def repair(recipe: Recipe, as_json: AsJson = False) -> None:
    """Delete what the ledger does not know, and forget what the index lost, so that the next ingest brings it again."""
    from imagora_ingestion.verify import repair as mend

    with open_pipeline(recipe) as pipeline:
        found = mend(pipeline.plan, pipeline.stages)
    _show(found, as_json=as_json)
    if found.missing and not as_json:
        typer.echo(f"bring the missing items again with: imagora ingest {printable(recipe)}")


def _show(found: Comparison, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    said = "agree" if found.agree else f"differ: {len(found.missing)} missing, {len(found.orphans)} too many"
    typer.echo(f"index ({found.entries} entries) and ledger ({found.items} items) {said}")
