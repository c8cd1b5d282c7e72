"""A run on the terminal: metrics with intervals, slices, and times."""

from __future__ import annotations

from collections.abc import Sequence

from imagora.cli.printable import printable
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .results import EvalRun
from .summary import Estimate, by_slice, estimates, facts, failed, times

SHOWN_FAILURES = 5


def show(console: Console, run: EvalRun, metrics: Sequence[str], slices: Sequence[str]) -> None:
    """Print a run; metrics: those of slices' tables."""
    said = facts(run)
    console.print(" · ".join(f"{name} {value}" for name, value in said.items()), markup=False, highlight=False)
    names = run.names()
    table = _table("", "mean", "95 % interval", "queries")
    for name, one in estimates(run.results, names).items():
        table.add_row(name, f"{one.mean:.3f}", _interval(one), str(one.n))
    console.print(table)
    chosen = [name for name in (*metrics, "refused") if name in names]
    for key, values in by_slice(run, slices).items():
        table = _table(escape(printable(key)), *chosen, "queries")
        for value, results in values.items():
            found = estimates(results, chosen)
            cells = [f"{found[n].mean:.3f}\n[dim]{_interval(found[n])}[/]" if n in found else "-" for n in chosen]
            table.add_row(escape(printable(value)), *cells, str(len(results)))
        console.print(table)
    table = _table("milliseconds", "p50", "p95", "p99")
    for name, percentiles in times(run).items():
        table.add_row(escape(printable(name)), *(f"{1000 * value:.1f}" for value in percentiles))
    console.print(table)
    for result in failed(run)[:SHOWN_FAILURES]:
        console.print(f"failed: {printable(result.id)}: {printable(result.error)}", style="yellow", markup=False)


def _interval(one: Estimate) -> str:
    return f"{one.low:.3f} … {one.high:.3f}"


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
