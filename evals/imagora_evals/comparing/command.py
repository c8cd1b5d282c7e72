"""`imagora compare`: which of two recipes is better on a suite, and whether that is certain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from imagora.cli.opening import Assigned, Profile
from rich.console import Console

app = typer.Typer(add_completion=False)

A = Annotated[str, typer.Argument(metavar="A", help="A recipe, or a run that was saved: a file that ends in .json.")]
B = Annotated[str, typer.Argument(metavar="B", help="Another one.")]
SuiteOrNone = Annotated[str, typer.Argument(metavar="[SUITE]", help="What both are asked; not for two saved runs.")]


@app.command()
def compare(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    a: A,
    b: B,
    suite: SuiteOrNone = "",
    metric: Annotated[list[str] | None, typer.Option(help="Compare by this metric; more than once.")] = None,
    show: Annotated[int, typer.Option(min=0, metavar="N", help="Show N losses and N wins of B, query by query.")] = 3,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with pictures.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask so many queries at most.")] = None,
    search_only: Annotated[bool, typer.Option("--search-only", help="Generate no answers.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Compare two recipes, or runs of them, on one suite: what differs, and whether that is certain.

    Queries are compared one by one. A winner takes 30 queries, an interval of the mean difference that does not hold
    zero, and p below 0.05 in a permutation test, corrected for the number of metrics. --profile and --set are for both.

    Exit codes: 0 compared, whoever won; 1 not to be compared, such as runs of different suites; 2 wrong use.
    """
    from imagora_evals.laying import How
    from imagora_evals.suites import find_suite

    from .comparison import compare as compared
    from .sides import sides
    from .table import show as shown

    found = find_suite(suite) if suite else None
    how = How(profile, tuple(assigned or ()), limit=limit, search_only=search_only)
    one, other = sides((a, b), found, how)
    with Console(stderr=True).status("comparing"):
        comparison = compared(one.run, other.run, tuple(metric or ()))
    if html is not None:
        from .page import render

        html.write_text(render(comparison, (one, other), found, how), "utf-8")
    if as_json:
        typer.echo(json.dumps(comparison.to_dict(), indent=2))
        return
    shown(Console(), comparison, show)
    if html is not None:
        typer.echo(f"the page: {html}")
