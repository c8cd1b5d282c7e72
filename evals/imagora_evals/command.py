"""`imagora eval`: asks a recipe the queries of a suite; and its commands `new`, `check` and `history`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from imagora.cli.ingesting import progress_bar
from imagora.cli.opening import Assigned, Profile, Recipe, open_pipeline
from imagora.errors import QueryError
from rich.console import Console
from typer.core import TyperGroup

from .gate_options import Baseline, Junit, Markdown, Phoenix, end_with, gate_of, judged_by, send_to

if TYPE_CHECKING:
    from .history import Past
    from .results import EvalRun
    from .suite import Suite

IN_PART = 3
"""The exit code where some queries failed, as `imagora ingest` has it for items."""
RUN = "run"
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
SuiteName = Annotated[
    str, typer.Argument(help="A shipped suite's name, such as gallery or synthetic:items=500, a folder, or an address.")
]


class RunByDefault(TyperGroup):
    """A group in which a recipe's name stands where a command would: `imagora eval RECIPE SUITE` runs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the name of the command that runs where none of the others is named."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunByDefault,
    add_completion=False,
    no_args_is_help=True,
    help="Ask a recipe the queries of a suite, and score what comes back: imagora eval RECIPE SUITE.",
)


@app.command(RUN)
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

    from .laying import How
    from .suites import find_suite

    principal = Principal(tenant, tuple(group or ())) if tenant or group else None
    chosen = dict(_slice(said) for said in slices or ())
    how = How(profile, tuple(assigned or ()), ingest, search_only, limit, chosen, principal)
    plan = gate_of(recipe, how) if gate or baseline or junit or markdown else None
    found = find_suite(suite)
    done = _run(recipe, found, how, html)
    judged = None if plan is None else judged_by(plan, done, baseline)
    if record:
        from .history import History

        History().add(done)
    if as_json:
        typer.echo(done.to_json())
    else:
        from .table import show

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
    from .laying import opened
    from .progress import asking_bar
    from .running import asked_of, run_on

    asked_of(suite, how)  # before anything is ingested
    if html is not None:
        html.open("a").close()  # a path that cannot be written is told now, and not when all is done
    with progress_bar("ingesting the corpus") as on_ingest, opened(recipe, suite, how, on_ingest) as there:
        if there.report is not None and there.report.quarantined:
            typer.echo(f"{len(there.report.quarantined)} items of the corpus cannot be used", err=True)
        with asking_bar() as on_query:
            done = run_on(there, suite, how, on_query)
        if html is not None:
            from .report import render

            html.write_text(render(done, suite, there.pipeline), "utf-8")
    return done


def _slice(said: str) -> tuple[str, str]:
    key, sign, value = said.partition("=")
    if not sign:
        raise QueryError(f"a slice is said as key=value, such as language=de, and this is '{said}'", code="IMG-724")
    return key, value


@app.command()
def nightly(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    suite: SuiteName,
    baseline: Annotated[
        str, typer.Option(metavar="FILE|last", help="What drops are judged against: a saved run, or the last recorded.")
    ] = "last",
    junit: Junit = None,
    markdown: Markdown = None,
    search_only: Annotated[bool, typer.Option("--search-only", help="Generate no answers.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a suite, ask a recipe, judge the run by its gate, record it, and tell a chat: one line for cron.

    The report goes to the Slack-compatible webhook in the environment variable IMAGORA_WEBHOOK, failures too;
    without it there is none. Exit codes: 0 passed, 6 not passed, 1 no result.
    """
    from .laying import How
    from .nightly import Night, whole
    from .progress import asking_bar

    how = How(profile, tuple(assigned or ()), search_only=search_only)
    gate_of(recipe, how)
    with asking_bar() as on_query:
        judged = whole(Night(recipe, suite, how, baseline, junit, markdown), on_query)
    if as_json:
        typer.echo(json.dumps(judged.to_dict(), indent=2))
    end_with(judged, None, None, to_stderr=as_json)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    recipe: Annotated[
        str | None, typer.Option("--from", metavar="RECIPE", help="Begin with items of this recipe's source and index.")
    ] = None,
    items: Annotated[int, typer.Option(min=1, max=10_000, help="How many items, with --from.")] = 20,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Begin a suite: a small one that works as it is, or one over what a recipe's index holds, to be judged."""
    from .scaffold import sampled, scaffolded

    name = folder.resolve().name
    if recipe is None:
        files = scaffolded(folder, name)
    else:
        with open_pipeline(recipe, profile, assigned) as pipeline:
            files = sampled(folder, name, pipeline, items)
    for file in files:
        typer.echo(f"wrote {file}")
    typer.echo(f"look at it with: imagora eval check {folder}")
    typer.echo(f"ask it with: imagora eval {recipe or 'starter'} {folder}")


@app.command()
def check(
    suite: Annotated[str, typer.Argument(help="A suite; left out, those that come with Imagora are listed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Look at a suite: whether its files can be read, and whether its judgements are of items in its corpus."""
    from .suites import find_suite, shipped_suites

    if not suite:
        typer.echo(json.dumps(list(shipped_suites())) if as_json else "\n".join(shipped_suites()))
        return
    from .looking import SHOWN, looked_at

    found = find_suite(suite)
    looked = looked_at(found)
    if as_json:
        counts = {"queries": len(found.queries), "judged": len(found.qrels), "digest": found.digest}
        typer.echo(json.dumps({"name": found.name, **counts, **asdict(looked)}, indent=2))
    else:
        refused = sum(one.refuse for one in found.queries)
        typer.echo(f"{found.name}: {len(found.queries)} queries, {refused} of them to be refused", nl=False)
        typer.echo("" if looked.items is None else f"; {looked.items} items, {looked.unreadable} unreadable")
        for line in (*looked.wrong[:SHOWN], *looked.notes):
            typer.echo(f"  {line}")
        if len(looked.wrong) > SHOWN:
            typer.echo(f"  … and {len(looked.wrong) - SHOWN} more (all of them with --json)")
    if looked.wrong:
        raise typer.Exit(1)


@app.command()
def history(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    name: Annotated[str | None, typer.Argument(metavar="[RECIPE]", help="Only runs of this recipe.")] = None,
    suite: Annotated[str | None, typer.Argument(help="Only runs on this suite.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric to show; more than once.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with a plot over time.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plot alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the runs that were recorded, and plot their metrics over time and by the index's generation."""
    from .history import History

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

    from .plots import over_time
    from .report import moment, page

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

    from .report import moment

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
