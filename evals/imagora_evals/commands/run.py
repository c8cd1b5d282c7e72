"""`imagora eval RECIPE SUITE`: asks a recipe the queries of a suite, and scores what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from imagora.cli.ingesting import progress_bar
from imagora.cli.opening import Assigned, Profile, Recipe
from imagora.errors import QueryError
from rich.console import Console

from imagora_evals.gate_options import Baseline, Junit, Markdown, Phoenix, end_with, gate_of, judged_by, send_to

from .options import AsJson, SuiteName

if TYPE_CHECKING:
    from imagora_evals.results import EvalRun
    from imagora_evals.suite import Suite

IN_PART = 3
"""The exit code where some queries failed, as `imagora ingest` has it for items."""


def run(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    suite: SuiteName,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", metavar="KEY=VALUE", help="Only queries of a slice, language=de.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask so many queries at most.")] = None,
    search_only: Annotated[bool, typer.Option("--search-only", help="Generate no answers.")] = False,
    ingest: Annotated[bool, typer.Option(help="Into an index of its own; otherwise the recipe's is asked.")] = True,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report with the worst queries.")] = None,
    record: Annotated[bool, typer.Option(help="Record the run in the history.")] = True,
    gate: Annotated[bool, typer.Option("--gate", help="Judge the run by the recipe's `gate`.")] = False,
    baseline: Baseline = None,
    junit: Junit = None,
    markdown: Markdown = None,
    phoenix: Phoenix = None,
    tenant: Annotated[str, typer.Option(help="Who asks, with --no-ingest, where the recipe has `access`.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group of who asks; more than once.")] = None,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: AsJson = False,
) -> None:
    """Ask a recipe the queries of a suite, and score what comes back.

    The suite's corpus goes into an index of its own in the cache; the recipe's index is not touched. Interrupted, the
    same command goes on where it was. Exit code 3: some queries failed. 6: the run does not pass the gate.
    """
    from imagora.query import Principal

    from imagora_evals.laying import How
    from imagora_evals.suites import find_suite

    principal = Principal(tenant, tuple(group or ())) if tenant or group else None
    chosen = dict(_slice(said) for said in slices or ())
    how = How(profile, tuple(assigned or ()), ingest, search_only, limit, chosen, principal)
    plan = gate_of(recipe, how) if gate or baseline or junit or markdown else None
    found = find_suite(suite)
    done = _run(recipe, found, how, html)
    judged = None if plan is None else judged_by(plan, done, baseline)
    if record:
        from imagora_evals.history import History

        History().add(done)
    if as_json:
        typer.echo(done.to_json())
    else:
        from imagora_evals.table import show

        show(Console(), done, found.metrics[:3], found.slices)
        if html is not None:
            typer.echo(f"the report: {html}")
    if phoenix is not None:
        send_to(phoenix, done, found)
    if judged is not None:
        end_with(judged, junit, markdown, to_stderr=as_json)
    if any(one.error for one in done.results):
        raise typer.Exit(IN_PART)


def _run(recipe: str, suite: Suite, how: Any, html: Path | None) -> EvalRun:
    from imagora_evals.laying import opened
    from imagora_evals.progress import asking_bar
    from imagora_evals.running import asked_of, run_on

    asked_of(suite, how)  # before anything is ingested
    if html is not None:
        html.open("a").close()  # a path that cannot be written is told now, and not when all is done
    with progress_bar("ingesting the corpus") as on_ingest, opened(recipe, suite, how, on_ingest) as there:
        if there.report is not None and there.report.quarantined:
            typer.echo(f"{len(there.report.quarantined)} items of the corpus cannot be used", err=True)
        with asking_bar() as on_query:
            done = run_on(there, suite, how, on_query)
        if html is not None:
            from imagora_evals.report import render

            html.write_text(render(done, suite, there.pipeline), "utf-8")
    return done


def _slice(said: str) -> tuple[str, str]:
    key, sign, value = said.partition("=")
    if not sign:
        raise QueryError(f"a slice is said as key=value, such as language=de, and this is '{said}'", code="IMG-724")
    return key, value
