"""A comparison on the terminal: a line for each metric, and the queries that differ most, side by side."""

from __future__ import annotations

from imagora.cli.printable import printable
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from imagora_evals.results import EvalRun, QueryResult

from .comparison import Comparison, Difference

FOUND = 3
_LONGEST = 60


def show(console: Console, comparison: Comparison, queries: int) -> None:
    """Print a comparison, and so many losses and wins of B by its first metric."""
    a, b = comparison.a, comparison.b
    for name, run in (("A", a), ("B", b)):
        console.print(f"{name}: {_named(run)}", markup=False, highlight=False)
    table = _table("metric", "n", "A", "B", "B - A", "95 % interval", "p", "d_z", "wins/\nlosses/\nties", "winner")
    for one in comparison.differences:
        counts = f"{one.wins}/{one.losses}/{one.ties}"
        means = (f"{one.mean_a:.3f}", f"{one.mean_b:.3f}", f"{one.mean:+.3f}", f"{one.low:+.3f} … {one.high:+.3f}")
        winner = f"[bold]{one.winner}[/]" if one.winner else "none"
        table.add_row(one.metric, str(one.queries), *means, probability(one.p), f"{one.effect:+.2f}", counts, winner)
    console.print(table)
    for one in comparison.differences:
        if one.why:
            console.print(f"{one.metric}: no winner: {one.why}", markup=False, highlight=False)
    if comparison.unpaired:
        left = f"left out, since only one of the two has an answer: {len(comparison.unpaired)} queries"
        console.print(f"{left}, such as '{printable(comparison.unpaired[0])}'", style="yellow", markup=False)
    if queries:
        _queries(console, comparison, comparison.differences[0], queries)


def probability(p: float) -> str:
    """Write a p; none is 0."""
    return "< .001" if p < 0.0005 else f"{p:.3f}"  # noqa: PLR2004 - what would be rounded to 0


def extremes(one: Difference, count: int) -> tuple[list[str], list[str]]:
    """Give the queries that B loses and wins by most, at most so many of each."""
    ranked = one.ranked()
    losses = [query for query, _ in ranked[: min(count, one.losses)]]
    return losses, [query for query, _ in ranked[::-1][: min(count, one.wins)]]


def _queries(console: Console, comparison: Comparison, one: Difference, count: int) -> None:
    a, b = ({result.id: result for result in run.results} for run in (comparison.a, comparison.b))
    for heading, queries in zip(("losses of B", "wins of B"), extremes(one, count), strict=True):
        if not queries:
            continue
        title = f"{heading} by {one.metric}"
        table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
        for name in ("query", "A found", "B found"):
            table.add_column(name, overflow="fold", ratio=1)
        for query in queries:
            sides = [f"{side[query].metrics[one.metric]:.3f}\n{_found(side[query])}" for side in (a, b)]
            table.add_row(_asked(a[query]), *sides)
        console.print(table)


def _asked(result: QueryResult) -> str:
    words = printable(result.text or ", ".join(result.pictures))
    return escape(f"{printable(result.id)}: {words[:_LONGEST]}{'…' if len(words) > _LONGEST else ''}")


def _found(result: QueryResult) -> str:
    return "\n".join(escape(printable(uri)) for uri, _ in result.ranking[:FOUND])


def _named(run: EvalRun) -> str:
    part = f", {run.part}" if run.part else ""
    seconds = 1000 * run.seconds / max(1, len(run.results))
    cost = "" if run.cost is None else f", {run.cost:.4g} {run.currency} for 1,000 queries"
    names = f"{printable(run.recipe)} ({run.recipe_hash[:8]}) on {printable(run.suite)}"
    return f"{names}{part}, {seconds:.0f} ms a query{cost}"


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    return table
