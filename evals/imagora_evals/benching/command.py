"""`imagora bench`: what it reads, and what it prints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from imagora.cli.opening import Assigned, Profile, Recipe
from imagora.errors import QueryError

if TYPE_CHECKING:
    from imagora_evals.laying import How
    from imagora_evals.suite import Suite

    from .report import Bench
    from .running import Loads

app = typer.Typer(add_completion=False)
INTERRUPTED = 130


@app.command()
def bench(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    suite: Annotated[str, typer.Argument(help="A shipped suite's name, a folder, or an fsspec address.")],
    concurrency: Annotated[
        str, typer.Option(metavar="N,N…", help="Numbers of callers, each of whom waits for its answer; '' for none.")
    ] = "1,2,4,8",
    rate: Annotated[
        str, typer.Option(metavar="N,N…", help="Queries that come a second, at random moments, whatever is under way.")
    ] = "",
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long each load lasts, such as 10s.")] = "10s",
    warm_up: Annotated[str, typer.Option(metavar="TIME", help="How long queries run first, uncounted.")] = "2s",
    search_only: Annotated[bool, typer.Option("--search-only", help="Find passages, and generate no answers.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only so many of the suite's queries.")] = None,
    no_ingest: Annotated[
        bool, typer.Option("--no-ingest", help="Ask the recipe's own index, without the suite's corpus.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The start of chance, for the moments at which queries come.")] = 0,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the saturation curve.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with table and curve.")] = None,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Ask a recipe a suite's queries under load: percentiles, throughput, errors, and where it is saturated.

    The suite's corpus goes into an index of its own, as with `imagora eval`. The recipe's cache, where it has one, is
    left out. Times of a rate count from the moment at which a query was due. Ctrl-C ends the load that runs; what was
    measured until then is shown.
    """
    from imagora_evals.suites import find_suite

    from .numbers import listed, seconds
    from .running import Loads

    callers, rates = listed(concurrency, int, "--concurrency"), listed(rate, float, "--rate")
    if not callers and not rates:
        raise QueryError("there is no load; give --concurrency 1,2,4 or --rate 50", code="IMG-105")
    loads = Loads(callers, rates, seconds(duration, "--duration"), seconds(warm_up, "--warm-up"), seed)
    if not loads.seconds:
        raise QueryError("a load lasts longer than --duration 0s", code="IMG-105")
    from imagora_evals.laying import How

    how = How(profile, assigned or (), ingest=not no_ingest, search_only=search_only, limit=limit)
    measured = _measured(recipe, find_suite(suite), how, loads)
    for file, write in ((svg, "svg"), (html, "page")):
        if file is not None:
            from . import report

            file.write_text(getattr(report, write)(measured), "utf-8")
    if as_json:
        typer.echo(json.dumps(measured.to_dict(), indent=2))
    else:
        _show(measured)
    if measured.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not any(step.done for step in measured.steps):
        raise typer.Exit(1)


def _measured(recipe: str, suite: Suite, how: How, loads: Loads) -> Bench:
    from imagora.cli.ingesting import progress_bar

    from imagora_evals.laying import opened
    from imagora_evals.machine import machine
    from imagora_evals.running import versions_of

    from .progress import steps_shown
    from .report import Bench
    from .running import asking, run

    with progress_bar("ingesting") as on_ingest, opened(recipe, suite, how, on_ingest) as there:
        queries = suite.queries[: how.limit]
        answer = not how.search_only and there.pipeline.stages.generator is not None
        ask = asking(there.pipeline, queries, answer=answer, principal=how.principal)
        with steps_shown(loads) as on_step:
            steps, interrupted = asyncio.run(run(ask, loads, on_step, there.pipeline.ready))
        index = there.pipeline.stages.index
        items = index.count() if index is not None else 0
    return Bench(
        recipe=there.plan.name,
        recipe_hash=there.plan.hash,
        suite=suite.name,
        suite_digest=suite.digest,
        queries=len(queries),
        items=items,
        answered=answer,
        steps=steps,
        machine={**machine()},
        versions=versions_of(there.plan),
        interrupted=interrupted,
    )


def _show(measured: Bench) -> None:
    from rich.console import Console

    from imagora_evals.machine import in_a_line

    from .report import stage_table, table
    from .steps import saturation

    console = Console()
    what = "answers" if measured.answered else "searches"
    line = f"{what}, {measured.queries} queries of '{measured.suite}', {measured.items} items; times in ms"
    console.print(line, markup=False, highlight=False)
    console.print(table(measured))
    if measured.steps:
        console.print(stage_table(measured.steps[0]))
    said: list[str] = [saturation(measured.steps), in_a_line(measured.machine)]  # type: ignore[arg-type]  # as it was made
    errors = {error: count for step in measured.steps for error, count in step.errors.items()}
    said += [f"{count} times: {error}" for error, count in errors.items()]
    if measured.interrupted:
        said.append("interrupted; this is what was measured until then")
    for line in filter(None, said):
        console.print(line, markup=False, highlight=False)
