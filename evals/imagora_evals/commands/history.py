"""`imagora eval history`: the runs that were recorded, listed and drawn."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from imagora.errors import QueryError
from rich.console import Console

from .options import AsJson

if TYPE_CHECKING:
    from imagora_evals.history import Past


def history(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    name: Annotated[str | None, typer.Argument(metavar="[RECIPE]", help="Only runs of this recipe.")] = None,
    suite: Annotated[str | None, typer.Argument(help="Only runs on this suite.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric to show; more than once.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with a plot over time.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plot alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the runs that were recorded, and plot their metrics over time and by the index's generation."""
    from imagora_evals.history import History

    past = History()
    runs = past.runs(Path(name).stem if name else None, _named(suite) if suite else None)
    if not runs:
        what = f"there are no such runs in '{past.file}'; make one with: imagora eval RECIPE SUITE"
        raise QueryError(what, code="IMG-725")
    there = list(dict.fromkeys(name for one in runs for name in one.means))
    metrics = [name for name in metric or there if name in there]
    if unknown := [name for name in metric or () if name not in there]:
        from imagora.errors import did_you_mean

        raise QueryError(f"no run has the metric '{unknown[0]}'{did_you_mean(unknown[0], there)}", code="IMG-725")
    if html is not None or svg is not None:
        _draw(runs, metrics if metric else metrics[:6], html, svg)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in runs], indent=2))
    else:
        _list(runs, metrics if metric else metrics[:4])


def _named(suite: str) -> str:
    return Path(suite).name.partition(":")[0]


def _draw(runs: list[Past], metrics: list[str], html: Path | None, svg: Path | None) -> None:
    from markupsafe import Markup

    from imagora_evals.plots import over_time
    from imagora_evals.report import moment, page

    drawn = over_time(runs, metrics)
    if svg is not None:
        svg.write_text(drawn.svg, "utf-8")
    if html is not None:
        plot = Markup(drawn.in_page())  # noqa: S704 - matplotlib escapes its texts
        text = page("history.html.j2", title="Runs over time", runs=runs, metrics=metrics, plot=plot, moment=moment)
        html.write_text(text, "utf-8")
    print("".join(f"wrote {file}\n" for file in (html, svg) if file), end="", file=sys.stderr)


def _list(runs: list[Past], metrics: list[str]) -> None:
    from imagora.cli.printable import printable
    from rich.markup import escape
    from rich.table import Table

    from imagora_evals.report import moment

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("run", "at", "recipe", "suite", "generation", "queries", *metrics):
        table.add_column(escape(heading), justify="right" if heading in (*metrics, "queries") else "left")
    for one in runs:
        part = f" ({one.part})" if one.part else ""
        names = [f"{one.recipe} {one.recipe_hash[:8]}", f"{one.suite} {one.suite_digest[:8]}{part}"]
        values = [f"{one.means[name]:.3f}" if name in one.means else "-" for name in metrics]
        cells = [str(one.id), moment(one.at), *names, str(one.generation), str(one.queries), *values]
        table.add_row(*(escape(printable(cell)) for cell in cells))
    Console().print(table)
