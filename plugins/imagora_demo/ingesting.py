"""The ingest of the gallery, with a progress bar and a sentence about what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagora.cli.ingesting import progress_bar, show_report
from imagora.errors import ImagoraError

if TYPE_CHECKING:
    from imagora import IngestReport, Pipeline
    from rich.console import Console


def ingest(console: Console, pipeline: Pipeline) -> IngestReport:
    """Bring the gallery's index up to date and print what was done."""
    with progress_bar("ingesting the gallery") as on_progress:
        report = pipeline.ingest(on_progress=on_progress)
    show_report(console, report)
    if report.done == len(report.quarantined):
        raise ImagoraError("none of the demo's pictures could be ingested; the reasons are above")
    return report


def describe(report: IngestReport) -> str:
    """Say in one sentence what an ingest did, for the page."""
    counts = {
        "embedded": report.embedded,
        "unchanged": report.unchanged,
        "deleted": report.deleted,
        "in quarantine": len(report.quarantined),
    }
    said = [f"{number} {what}" for what, number in counts.items() if number or what == "embedded"]
    return f"{', '.join(said)}, in {report.seconds:.1f} s"
