"""`imagora ingest`: from a source to an index, with a progress bar and a report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from imagora.errors import QueryError

from .opening import Assigned, Locked, Profile, Recipe, as_typed, open_pipeline
from .printable import printable
from .watching import watch as watch_source

if TYPE_CHECKING:
    from imagora import Pipeline
    from imagora.ingest_report import IngestReport, Progress

SHOWN = 20
EVERY_SECONDS = 5.0


def ingest(
    recipe: Recipe,
    source: Annotated[Path | None, typer.Option(help="Where the items are, instead of what the recipe says.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take so many items at most, and delete none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Say first what an interrupted ingest left behind.")] = False,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="List what the last ingest refused.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Ingest again whenever the source changes.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    locked: Locked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Bring a recipe's index up to date with its source: new and changed items in, deleted ones out.

    Interrupted or crashed, the same command goes on where it was, with --resume or without: what is written is not
    embedded again. Where the recipe's embedders changed, another generation of the index is made beside the one that
    answers; see: imagora index switch. With --watch and --json every round is an object on a line of its own.
    """
    if watch and (dry_run or quarantined or limit is not None):
        raise QueryError("--watch goes with none of --dry-run, --quarantined and --limit", code="IMG-105")
    with open_pipeline(recipe, profile, assigned, locked=locked) as pipeline:
        if dry_run:
            _survey(pipeline, source, limit, as_json=as_json)
            return
        if quarantined:
            _list_quarantined(pipeline, as_json=as_json)
            return
        if resume:
            _say_what_is_left(pipeline)
        bar, tell = (
            partial(progress_bar, "ingesting"),
            partial(_tell, as_typed(recipe, profile, assigned), as_json=as_json, watch=watch),
        )
        if watch:
            watch_source(pipeline, source, bar, tell, as_json=as_json)
            return
        with bar() as on_progress:
            report = pipeline.ingest(source, limit=limit, on_progress=on_progress)
    tell(report)
    if report.quarantined:
        raise typer.Exit(3 if report.done > len(report.quarantined) else 1)


def _tell(recipe: str, report: IngestReport, *, as_json: bool, watch: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=None if watch else 2))
        return
    show_report(Console(), report)
    if not report.answering:
        typer.echo(
            f"generation {report.generation} is up to date and does not answer yet; let it, with: "
            f"imagora index switch {recipe}"
        )


def _say_what_is_left(pipeline: Pipeline) -> None:
    from imagora_ingestion.verify import compare

    from imagora.errors import ImagoraError

    try:
        states = compare(pipeline.plan, pipeline.stages).states
    except ImagoraError:  # no index, or none of these embedders
        states = {}
    said = ", ".join(f"{number} {state}" for state, number in states.items()) or "nothing is there yet"
    typer.echo(f"going on from: {said}", err=True)


def _survey(pipeline: Pipeline, source: Path | None, limit: int | None, *, as_json: bool) -> None:
    from imagora_ingestion.survey import survey

    found = survey(pipeline.plan, pipeline.stages, source, limit=limit)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    counts = {"add": found.add, "change": found.change, "relabel": found.relabel, "delete": found.delete}
    said = ", ".join(f"{word} {number}" for word, number in counts.items() if number) or "do nothing"
    typer.echo(f"it would {said}; {found.unchanged} unchanged, {len(found.quarantine)} into quarantine")
    if found.sample:
        megabytes = found.bytes / 1e6
        typer.echo(
            f"embedding would take about {found.seconds:.0f} s and {megabytes:.1f} MB, by {found.sample} samples"
        )
    for uri, reason in found.quarantine[:SHOWN]:
        typer.echo(f"  {printable(uri)}: {printable(reason)}")


def _list_quarantined(pipeline: Pipeline, *, as_json: bool) -> None:
    from imagora_ingestion.verify import quarantined

    found = quarantined(pipeline.plan, pipeline.stages)
    if as_json:
        typer.echo(json.dumps([{"source": s, "uri": uri, "reason": reason} for s, uri, reason in found], indent=2))
    else:
        for _, uri, reason in found:
            typer.echo(f"{printable(uri)}: {printable(reason)}")
    if found:
        raise typer.Exit(3)


def show_report(console: Console, report: IngestReport) -> None:
    """Print what was done, and the items that could not be read with their reasons."""
    counts = {
        "added": report.added,
        "changed": report.changed,
        "relabelled": report.relabelled,
        "unchanged": report.unchanged,
        "deleted": report.deleted,
    }
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing to do"
    embedded = f"{report.embedded} embedded" if report.embedded else "nothing embedded anew"
    console.print(f"{said}; {embedded}, in {report.seconds:.1f} s", highlight=False)
    if report.cut:
        console.print(f"texts that lost their end, being longer than an embedder reads: {report.cut}", style="yellow")
    if report.kept:
        console.print(f"{report.kept} that the source did not give were kept, for it could not be read in full")
    if report.quarantined:
        console.print(f"{len(report.quarantined)} in quarantine, because they cannot be used:", style="yellow")
        for uri, reason in report.quarantined[:SHOWN]:
            console.print(f"  {printable(uri)}: {printable(reason)}", markup=False, highlight=False)
        if len(report.quarantined) > SHOWN:
            console.print(f"  … and {len(report.quarantined) - SHOWN} more (all of them with --json)")


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[Progress], None]]:
    """Show how far long work is: a bar with rate and time left on a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        yield from _bar(what)
    else:
        yield _Lines(what)


def _bar(what: str) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Bar(TextColumn("{task.description}"), *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def update(progress: Progress) -> None:
            report = progress.report
            rate = f"{report.done / report.seconds:.1f} items/s" if report.seconds > 0 else ""
            bar.update(task, total=progress.total, completed=report.done, rate=rate)

        yield update


class _Lines:
    """Prints a line every few seconds."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.last < EVERY_SECONDS:
            return
        self.last = now
        done, total, seconds = progress.report.done, progress.total, progress.report.seconds
        left = f", about {seconds / done * (total - done):.0f} s left" if total and done else ""
        of = f" of {total}" if total else ""
        typer.echo(f"{self.what}: {done}{of} items, {done / seconds:.1f} items/s{left}", err=True)
