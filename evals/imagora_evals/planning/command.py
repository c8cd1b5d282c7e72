"""`imagora plan`: what it reads, and what it prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from imagora.cli.opening import Assigned, Profile, Recipe, open_pipeline
from imagora.errors import QueryError

if TYPE_CHECKING:
    from .figures import Figure

app = typer.Typer(add_completion=False)
GB = 1_000_000_000


@app.command()
def plan(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    items: Annotated[int, typer.Option(min=1, help="How many items the corpus has.")],
    qps: Annotated[float, typer.Option(min=0, help="How many queries a second come when most come.")],
    words: Annotated[float, typer.Option(min=0, help="Different words of an item, for the sparse leg.")] = 40,
    payload: Annotated[float, typer.Option(min=0, help="Bytes of an item's text and metadata.")] = 500,
    node_memory: Annotated[float, typer.Option(min=0.1, help="Memory of one machine for the index, in GB.")] = 64,
    node_cores: Annotated[int, typer.Option(min=1, help="Cores of one machine for the index.")] = 16,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of the index at least.")] = 1,
    busy: Annotated[float, typer.Option(min=0.05, max=1, help="How much of a core queries may use.")] = 0.6,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Items embedded a second; left out: measured here.")
    ] = None,
    query_ms: Annotated[
        float | None, typer.Option(min=0, help="Core milliseconds to embed a query; left out: measured here.")
    ] = None,
    search_ms: Annotated[
        float, typer.Option(min=0.001, help="Core milliseconds to search one leg of 100,000 items.")
    ] = 1.0,
    dimension: Annotated[
        list[str] | None,
        typer.Option(metavar="LEG=N", help="Numbers of a leg's vectors, where its model is not here; more than once."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that embed, each as fast as this one.")] = 1,
    answer_seconds: Annotated[float, typer.Option(min=0.001, help="Seconds that an answer takes.")] = 3.0,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of a prompt with its answer; left out: the recipe's `context`.")
    ] = None,
    written: Annotated[int, typer.Option(min=0, help="Tokens of an answer, for the recipe's prices of tokens.")] = 200,
    gpu_memory: Annotated[float, typer.Option(min=4, help="Memory of one GPU, in GB.")] = 24,
    parameters: Annotated[float | None, typer.Option(min=1, help="The generator's parameters, e.g. 7e9.")] = None,
    kv_bytes: Annotated[float | None, typer.Option(min=1, help="Its bytes of keys and values for a token.")] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="core_hour, gb_hour, disk_gb_month or gpu_hour, over the recipe's prices; more than once.",
        ),
    ] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="Prices, as lines of YAML.")] = None,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what a recipe needs of machines: memory, disk, shards, copies, hours, GPUs and cost, with each formula.

    Nothing is written, and there need be no index. What depends on the machine is measured here with a small sample,
    unless it is said. docs/planning.md says where each formula comes from, and how far off measurements were.
    """
    from .cost import prices as read_prices
    from .embedding import Sample, hours, sample
    from .generator import Load, generator, tokens_of
    from .needs import Needs, dimensions, layout_of
    from .nodes import nodes, refused
    from .room import disk, memory

    said = read_prices(price or (), prices)
    node, search = node_memory * GB, search_ms / 1000
    needs = Needs(items, qps, words, payload, node, node_cores, busy, search, replicas)
    with open_pipeline(recipe, profile, assigned) as pipeline:
        if pipeline.plan.index is None:
            raise QueryError(f"the recipe '{pipeline.plan.name}' has no index, so there is nothing to plan for")
        embedders: dict[str, Any] = dict(pipeline.stages.embedders)
        layout = layout_of(pipeline.plan, embedders, dimensions(dimension or (), embedders))
        measured = None if rate and query_ms is not None else sample(embedders, needs)
        whole = pipeline.plan
    here = measured or Sample(0, 0, 0)
    figures = [*memory(layout, needs), *disk(layout, needs)]
    provided = next(one.value or 0.0 for one in figures if one.section == "memory" and one.total)
    found = nodes(layout, needs, provided, here.query if query_ms is None else query_ms / 1000)
    by = "as said" if rate else f"measured here, with {here.items} items"
    figures += [*found, *hours(needs, rate or here.rate, workers, by)]
    figures += generator(whole, Load(qps, answer_seconds, tokens, gpu_memory * GB, parameters, kv_bytes))
    from .cost import cost, fees, of_recipe

    named = of_recipe(whole.prices)
    each = {**({} if said and set(named) == {"hour"} else named), **said}
    besides = fees(whole, tokens_of(whole, tokens), written)
    figures += cost(figures, needs, each, workers, besides, whole.prices.currency if whole.prices else "")
    remark = refused(layout, found)
    if as_json:
        _print_json(whole.name, asdict(needs), figures, remark)
    else:
        _show(figures, remark, layout.index)


def _print_json(recipe: str, needs: dict[str, Any], figures: list[Figure], remark: str) -> None:
    from imagora_evals.machine import machine

    listed = [asdict(figure) for figure in figures]
    said = {"recipe": recipe, "needs": needs, "figures": listed, "remark": remark, "machine": machine()}
    typer.echo(json.dumps(said, indent=2))


def _show(figures: list[Figure], remark: str, index: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("what", "figure", "formula", "worked out"):
        table.add_column(heading, overflow="fold")
    section = ""
    for one in figures:
        if one.section != section:
            section = one.section
            table.add_row(f"[bold]{section}[/bold]")
        style = "bold" if one.total else ""
        table.add_row(f"  {one.name}", str(one), one.formula, one.worked, style=style)
    console = Console()
    console.print(table)
    if index != "qdrant":
        console.print(f"The formulas are Qdrant's; of '{index}' only the vectors and the graphs are known.")
    if remark:
        console.print(remark, markup=False, highlight=False)
