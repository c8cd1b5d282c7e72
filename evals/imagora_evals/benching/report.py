"""A bench as a table, as JSON, as a plot, and as a page."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from imagora.errors import MissingExtra

from .steps import Step, saturation

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

PIP_LINE = "pip install 'imagora[evals]'"


@dataclass(frozen=True)
class Bench:
    """What was measured, of what, and on what.

    answered: whether answers were generated, or passages found only. left: what of the work was interrupted.
    """

    recipe: str
    recipe_hash: str
    suite: str
    suite_digest: str
    queries: int
    items: int
    answered: bool
    steps: Sequence[Step]
    machine: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {**asdict(self), "saturation": saturation(self.steps)}


def table(bench: Bench) -> Table:
    """Give a row for each load; times in milliseconds, as whoever asked waited."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("load", "queries", "errors", "queries/s", "p50", "p90", "p95", "p99", "max"):
        found.add_column(heading, justify="left" if heading == "load" else "right")
    for step in bench.steps:
        found.add_row(str(step), *_cells(step))
    return found


def stage_table(step: Step) -> Table:
    """Give a row for each stage of one load, in milliseconds."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, header_style="dim")
    for heading in (f"stage, with {step}", "p50", "p95", "p99", "max"):
        found.add_column(heading, justify="left" if heading.startswith("stage") else "right")
    for stage, times in step.stages.items():
        found.add_row(stage, *(f"{1000 * times[name]:.1f}" for name in ("p50", "p95", "p99", "max")))
    return found


def _cells(step: Step) -> list[str]:
    times = step.stages.get("total", {})
    names = ("p50", "p90", "p95", "p99", "max")
    shown = [f"{1000 * times[name]:.1f}" if times else "-" for name in names]
    return [f"{step.done}", f"{step.failed}", f"{step.throughput:.1f}", *shown]


def svg(bench: Bench) -> str:
    """Draw latency over throughput for callers and for rates: the curve bends up where the pipeline is saturated."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(f"plots need the package 'matplotlib'; type: {PIP_LINE}") from error
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, mark in (("closed", "o"), ("open", "s")):
        steps = [step for step in bench.steps if step.kind == kind and step.stages]
        if not steps:
            continue
        what = "callers" if kind == "closed" else "queries/s come"
        through = [step.throughput for step in steps]
        left.plot([step.level for step in steps], through, marker=mark, label=what)
        for name, line in (("p50", "-"), ("p99", "--")):
            late = [1000 * step.stages["total"][name] for step in steps]
            right.plot(through, late, marker=mark, linestyle=line, label=f"{name}, {what}")
    left.set(xlabel="callers, or queries that come a second", ylabel="answers a second", title="Throughput")
    right.set(xlabel="answers a second", ylabel="milliseconds", title="Latency", yscale="log")
    for part in (left, right):
        part.grid(alpha=0.3)
        if part.lines:
            part.legend(fontsize=8)
    return drawn(figure)


def drawn(figure: Figure) -> str:
    """Give a figure as SVG, the same text for the same figure."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "imagora"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def page(bench: Bench) -> str:
    """Give the table and the plot as a page that needs no other file."""
    from imagora_evals.machine import in_a_line

    rows = "\n".join(
        f"<tr><td>{step}</td>{''.join(f'<td>{cell}</td>' for cell in _cells(step))}</tr>" for step in bench.steps
    )
    heads = "".join(f"<th>{name}</th>" for name in ("load", "queries", "errors", "queries/s"))
    heads += "".join(f"<th>{name}, ms</th>" for name in ("p50", "p90", "p95", "p99", "max"))
    machine: Any = bench.machine
    what = f"{bench.recipe} on {bench.suite}"
    said = [
        f"{'Answers' if bench.answered else 'Searches'}: {bench.queries} queries, {bench.items} items",
        saturation(bench.steps),
        in_a_line(machine),
    ]
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in said if line)
    style = "body{font-family:sans-serif;max-width:60em;margin:2em auto}td,th{padding:.2em .8em;text-align:right}"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(what)}</title><style>{style}</style>"
        f"<h1>{html.escape(what)}</h1>{lines}<table><tr>{heads}</tr>{rows}</table>{svg(bench)}</html>\n"
    )
