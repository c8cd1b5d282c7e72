"""`imagora sweep`: what it reads, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from imagora.cli.opening import Assigned, Profile, Recipe
from imagora.errors import QueryError

if TYPE_CHECKING:
    from imagora_recipe.plan import Plan

    from imagora_evals.laying import How
    from imagora_evals.suite import Suite

    from .grid import Point
    from .results import Result, Sweep, Target

app = typer.Typer(add_completion=False)


@app.command()
def sweep(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    suite: Annotated[str, typer.Argument(help="A shipped suite's name, a folder, or an fsspec address.")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=V,V…",
            help="Values to try, e.g. index.hnsw.ef=64,128 or retriever.legs.sparse=0,0.5; more than once; left out: "
            "what is usual for the index.",
        ),
    ] = None,
    recall: Annotated[float | None, typer.Option(min=0, max=1, help="The recall that the index must reach.")] = None,
    least: Annotated[
        float | None, typer.Option(min=0, help="What the metric must reach, for what is no index.")
    ] = None,
    p99: Annotated[str | None, typer.Option(metavar="TIME", help="The p99 that it must reach, such as 150ms.")] = None,
    k: Annotated[int, typer.Option(min=1, max=1000, help="The k of recall@k.")] = 10,
    metric: Annotated[str, typer.Option(help="By which rankings are judged, as ir-measures spells it.")] = "nDCG@10",
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only so many of the suite's queries.")] = None,
    no_ingest: Annotated[
        bool, typer.Option("--no-ingest", help="Take the recipe's own index, without the suite's corpus.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the chosen point as a recipe that extends this one.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the points and the Pareto front.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure all points again, not only those not done.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Try values of a recipe's options: recall, p50, p99 and memory of an index, or the metric of a ranking.

    Options of the index are measured against exact search over the same vectors, each in an index and a process of its
    own; where a target is given, the point with the least memory that reaches it is chosen. All others are judged by
    the suite: half of its queries choose, the other half says what the choice is worth. Ctrl-C loses nothing.
    """
    from imagora_recipe.check import check

    from imagora_evals.benching.numbers import seconds
    from imagora_evals.laying import How
    from imagora_evals.suites import find_suite

    from .grid import of_index, points
    from .results import Target

    plan = check(recipe, profile=profile, said=assigned)
    tried = points(param or (), plan)
    index = of_index(tried)
    if (recall is not None and not index) or (least is not None and index):
        what = "--recall is for options of the index, and --least for all others"
        raise QueryError(what, code="IMG-105")
    target = Target(recall if index else least, seconds(p99, "--p99") if p99 else None)
    how = How(profile, assigned or (), ingest=not no_ingest, search_only=True, limit=limit)
    whole = find_suite(suite)
    asked = _Asked(recipe, plan, replace(whole, queries=whole.queries[:limit]), how, tried, target)
    found = _of_index(asked, k, anew=anew) if index else _of_ranking(asked, metric)
    found = _written(found, write, recipe)
    if svg is not None:
        from .report import svg as draw

        svg.write_text(draw(found), "utf-8")
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    if target.asks and found.chosen is None:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Asked:
    recipe: str
    plan: Plan
    suite: Suite
    how: How
    points: Sequence[Point]
    target: Target


def _of_index(asked: _Asked, k: int, *, anew: bool) -> Sweep:
    import shutil

    from imagora.cli.ingesting import progress_bar

    from imagora_evals.laying import opened
    from imagora_evals.places import cache_folder

    from .corpus import keep
    from .index_sweep import Of, remarks
    from .index_sweep import sweep as swept
    from .progress import points_shown
    from .results import FEW_ITEMS, cheapest

    with progress_bar("ingesting") as bar, opened(asked.recipe, asked.suite, asked.how, bar) as there:
        index = there.pipeline.stages.index
        assert index is not None  # noqa: S101 - points of an index need one
        if not asked.how.ingest:
            index.open({leg: one.identity() for leg, one in there.pipeline.stages.embedders.items()}, create=False)
        folder = cache_folder() / "sweeps" / _key(asked, k, index.place, index.count())
        if anew:
            shutil.rmtree(folder, ignore_errors=True)
        corpus = keep(there.pipeline, list(asked.suite.queries), folder)
    of = Of(asked.recipe, asked.how.profile, asked.how.assigned, folder, k)
    with points_shown() as on_point:
        results = swept(of, corpus, asked.points, on_point)
    chosen = cheapest(results, asked.target) if asked.target.asks else None
    said = remarks(corpus, results, FEW_ITEMS)
    queries = max(len(corpus.queries(leg)) for leg in corpus.legs)
    return _sweep(asked, f"recall@{k}", (len(corpus.ids), queries), (results, chosen), said)


def _of_ranking(asked: _Asked, metric: str) -> Sweep:
    from imagora.cli.ingesting import progress_bar

    from imagora_evals.laying import opened
    from imagora_evals.ranking import measure_of

    from .progress import points_shown
    from .rank_sweep import Of, halves, remarks
    from .rank_sweep import sweep as swept
    from .results import best

    try:
        measure_of(metric)
    except ValueError as error:
        raise QueryError(str(error), code="IMG-105") from None
    if not halves(asked.suite):
        raise QueryError(f"no query of '{asked.suite.name}' is judged, so that nothing says which ranking is better")
    with progress_bar("ingesting") as bar, opened(asked.recipe, asked.suite, asked.how, bar):
        pass  # what is long has a bar of its own, and the points then find the index up to date
    with points_shown() as on_point:
        as_it_is, results = swept(Of(asked.recipe, asked.suite, asked.how, metric), asked.points, on_point)
    chosen = best([as_it_is, *results], asked.target) if asked.target.asks else None
    said = remarks(as_it_is, chosen or best(results, asked.target), asked.suite, metric)
    return _sweep(asked, metric, (0, len(halves(asked.suite))), ([as_it_is, *results], chosen), said)


def _key(asked: _Asked, *more: object) -> str:
    from hashlib import sha256

    said = (asked.plan.hash, asked.suite.digest, asked.how.limit, asked.how.ingest, *more)
    return sha256(repr(said).encode()).hexdigest()[:16]


def _sweep(
    asked: _Asked, metric: str, counts: tuple[int, int], found: tuple[list[Result], Result | None], said: list[str]
) -> Sweep:
    from imagora_evals.machine import machine

    from .results import Sweep

    return Sweep(
        recipe=asked.plan.name,
        recipe_hash=asked.plan.hash,
        suite=asked.suite.name,
        suite_digest=asked.suite.digest,
        metric=metric,
        items=counts[0],
        queries=counts[1],
        results=found[0],
        target=asked.target,
        chosen=found[1],
        machine={**machine()},
        remarks=said,
    )


def _written(found: Sweep, file: Path | None, recipe: str) -> Sweep:
    from .overlay import write

    if file is None or found.chosen is None or not found.chosen.point:
        return found
    one = found.chosen
    why = f"Chosen by a sweep on {found.suite}: {found.metric} {one.value:.4f}, p99 {1000 * one.p99:.1f} ms."
    write(file, recipe, one.point, why)
    return replace(found, written=str(file))


def _show(found: Sweep) -> None:
    from rich.console import Console

    from imagora_evals.machine import in_a_line

    from .report import chosen_in_words, table

    console = Console()
    of = f"{found.items:,} items, " if found.items else ""
    said: list[Any] = [f"{found.recipe} on '{found.suite}': {of}{found.queries} queries", table(found)]
    said += [chosen_in_words(found), *found.remarks]
    if found.written:
        said.append(f"written to '{found.written}'; what it costs to change to it: imagora recipe diff")
    machine: Any = found.machine
    for line in (*said, in_a_line(machine)):
        console.print(line, markup=False, highlight=False)
