"""`imagora index`: what an index holds, whether it agrees with its ledger, and how it is mended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .offered import OfferedCommands
from .opening import Assigned, Profile, Recipe, as_typed, open_pipeline
from .printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagora_ingestion.generations import Generation
    from imagora_ingestion.verify import Comparison

    from imagora.pipeline import Pipeline

app = typer.Typer(cls=OfferedCommands, no_args_is_help=True, help="Look at an index, check it and mend it.")

AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


@app.command()
def info(recipe: Recipe, profile: Profile = None, assigned: Assigned = None, as_json: AsJson = False) -> None:
    """Show where the index is, how much it holds, and whose vectors."""
    from imagora_ingestion.generations import generations
    from imagora_ingestion.verify import compare

    with open_pipeline(recipe, profile, assigned) as pipeline:
        found = compare(pipeline.plan, pipeline.stages)
        there = generations(pipeline.plan, pipeline.stages) if has_generations(pipeline) else []
        legs = {leg: str(embedder.identity()) for leg, embedder in pipeline.stages.embedders.items()}
    if as_json:
        typer.echo(json.dumps({**found.to_dict(), "legs": legs, "generations": [g.to_dict() for g in there]}, indent=2))
        return
    typer.echo(f"index:   {printable(found.place)}, {found.entries} entries")
    typer.echo(f"ledger:  {printable(found.ledger)}, {found.items} items, {len(found.quarantined)} in quarantine")
    for leg, identity in legs.items():
        typer.echo(f"{leg + ':':8} {printable(identity)}")
    under_way = {state: number for state, number in found.states.items() if state != "committed"}
    if under_way:
        typer.echo("left by an interrupted ingest: " + ", ".join(f"{n} {state}" for state, n in under_way.items()))
    if len(there) > 1 or not found.answering:
        _show_generations(there)


@app.command()
def verify(recipe: Recipe, profile: Profile = None, assigned: Assigned = None, as_json: AsJson = False) -> None:
    """Hold the index against its ledger; exit code 1 where they differ."""
    from imagora_ingestion.verify import compare

    with open_pipeline(recipe, profile, assigned) as pipeline:
        found = compare(pipeline.plan, pipeline.stages)
    _show(found, as_json=as_json)
    if not found.agree:
        if not as_json:
            typer.echo(f"mend it with: imagora index repair {as_typed(recipe, profile, assigned)}", err=True)
        raise typer.Exit(1)


@app.command()
def repair(recipe: Recipe, profile: Profile = None, assigned: Assigned = None, as_json: AsJson = False) -> None:
    """Delete what the ledger does not know, and forget what the index lost, so that the next ingest brings it again."""
    from imagora_ingestion.verify import repair as mend

    with open_pipeline(recipe, profile, assigned) as pipeline:
        found = mend(pipeline.plan, pipeline.stages)
    _show(found, as_json=as_json)
    if found.missing and not as_json:
        typer.echo(f"bring the missing items again with: imagora ingest {as_typed(recipe, profile, assigned)}")


@app.command()
def switch(
    recipe: Recipe,
    generation: Annotated[int | None, typer.Argument(help="Its number; the newest of this recipe's embedders.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also where its ingest never reached the end.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: AsJson = False,
) -> None:
    """Let a generation of the index answer that was made beside the one that does; at once, and all or nothing.

    A process that has the old one open goes on with it until it opens the index again.
    """
    from imagora_ingestion.generations import switch as let_answer

    with open_pipeline(recipe, profile, assigned) as pipeline:
        number = let_answer(pipeline.plan, pipeline.stages, generation, force=force)
        _say_who_answers(pipeline, number, as_json=as_json)


@app.command()
def rollback(recipe: Recipe, profile: Profile = None, assigned: Assigned = None, as_json: AsJson = False) -> None:
    """Let the generation answer again that did before the last switch."""
    from imagora_ingestion.generations import rollback as go_back

    with open_pipeline(recipe, profile, assigned) as pipeline:
        number = go_back(pipeline.plan, pipeline.stages)
        _say_who_answers(pipeline, number, as_json=as_json)


@app.command()
def gc(
    recipe: Recipe,
    everything: Annotated[bool, typer.Option("--all", help="Also the one before, and newer unfinished ones.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: AsJson = False,
) -> None:
    """Remove the generations that nobody needs: all but the one that answers, the one before it, and newer ones."""
    from imagora_ingestion.generations import collect

    with open_pipeline(recipe, profile, assigned) as pipeline:
        gone = collect(pipeline.plan, pipeline.stages, everything=everything, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps({"removed": gone, "dry_run": dry_run}))
        return
    said = ", ".join(map(str, gone)) or "none"
    typer.echo(f"{'would remove' if dry_run else 'removed'} {len(gone)} generations: {said}")


def has_generations(pipeline: Pipeline) -> bool:
    """Say whether the recipe's index can hold more than one."""
    from imagora.stages import GenerationalIndex

    return isinstance(pipeline.stages.index, GenerationalIndex)


def _say_who_answers(pipeline: Pipeline, number: int, *, as_json: bool) -> None:
    from imagora_ingestion.generations import generations

    there = generations(pipeline.plan, pipeline.stages)
    if as_json:
        typer.echo(json.dumps({"answering": number, "generations": [one.to_dict() for one in there]}, indent=2))
        return
    typer.echo(f"generation {number} answers from now on")
    mine = {leg: str(embedder.identity()) for leg, embedder in pipeline.stages.embedders.items()}
    (legs,) = (one.legs for one in there if one.number == number)
    if legs != mine:
        typer.echo("its vectors are of other embedders than this recipe's: ask with a recipe that has these:")
        for leg, identity in legs.items():
            typer.echo(f"  {leg}: {printable(identity)}")


def _show_generations(there: Sequence[Generation]) -> None:
    for one in there:
        said = ("answers" if one.answering else "does not answer") + ("" if one.complete else ", not complete")
        typer.echo(f"generation {one.number}: {one.items} items, {said}")


def _show(found: Comparison, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    said = "agree" if found.agree else f"differ: {len(found.missing)} missing, {len(found.orphans)} too many"
    typer.echo(f"index ({found.entries} entries) and ledger ({found.items} items) {said}")
