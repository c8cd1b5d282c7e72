"""The ingest of the gallery, with a progress bar and one sentence about what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagora.errors import ImagoraError
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from imagora import Pipeline
    from imagora.ingest import IngestReport
    from imagora.ingest import Progress as Step
    from rich.console import Console


def ingest(console: Console, pipeline: Pipeline) -> str:
    """Bring the gallery's index up to date, print what was done and give it as a sentence."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("looking at the pictures"), *columns, console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None)

        def on_progress(step: Step) -> None:
            bar.update(task, completed=step.report.done, total=step.total)

        report = pipeline.ingest(on_progress=on_progress)
    for uri, reason in report.quarantined:
        console.print(f"[yellow]left out[/yellow] {escape(uri)}: {escape(reason)}")
    if not report.added + report.changed + report.unchanged:
        raise ImagoraError("none of the demo's pictures could be ingested; the reasons are above")
    sentence = describe(report)
    console.print(sentence)
    return sentence


def describe(report: IngestReport) -> str:
    """Say in one sentence what an ingest did."""
    took = f"in {report.seconds:.1f} s"
    if not report.embedded:
        return f"Nothing new: 0 re-embedded, {report.unchanged} unchanged, {took}"
    parts = {
        "embedded": report.embedded,
        "unchanged": report.unchanged,
        "deleted": report.deleted,
        "left out": len(report.quarantined),
    }
    return ", ".join(f"{number} {what}" for what, number in parts.items() if number) + f", {took}"
