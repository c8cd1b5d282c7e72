"""A sweep as a table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagora.errors import MissingExtra

from .grid import Point, settings
from .results import Result, Sweep, pareto

if TYPE_CHECKING:
    from rich.table import Table

PIP_LINE = "pip install 'imagora[evals]'"


def label(point: Point) -> str:
    """Say a point with the last words of its paths, such as "m=16 ef=64"."""
    return " ".join(f"{path.rpartition('.')[2]}={value}" for path, value in point.items()) or "as it is"


def table(sweep: Sweep) -> Table:
    """Give a row for each point: those on the Pareto front have a star, the chosen one an arrow."""
    from rich.table import Table

    front = pareto(sweep.results)
    memory = any(one.memory is not None for one in sweep.results)
    held = any(one.held is not None for one in sweep.results)
    found = Table(box=None, pad_edge=False, header_style="dim")
    headings = ["", "point", sweep.metric, *(["held out"] if held else []), "p50, ms", "p99, ms"]
    for heading in [*headings, *(["memory, MB"] if memory else [])]:
        found.add_column(heading, justify="left" if heading in ("", "point") else "right")
    for one in sorted(sweep.results, key=lambda one: (one.value, -one.p99)):
        mark = ("→" if one == sweep.chosen else "") + ("*" if one in front else "")
        more = [f"{one.held:.3f}"] if one.held is not None else []
        last = [f"{one.memory / 1e6:.0f}"] if one.memory is not None else []
        cells = [f"{one.value:.4f}", *more, f"{1000 * one.p50:.2f}", f"{1000 * one.p99:.2f}", *last]
        found.add_row(mark, label(one.point), *cells)
    return found


def svg(sweep: Sweep) -> str:
    """Draw the points by value and p99, the Pareto front as a line, the chosen one as a star."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(f"plots need the package 'matplotlib'; type: {PIP_LINE}") from error
    from imagora_evals.benching.report import drawn

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    front = pareto(sweep.results)
    sizes = _sizes(sweep.results)
    axes.scatter(*_places(sweep.results), s=sizes, alpha=0.5)
    axes.plot(*_places(front), marker=".", linewidth=1, label="none is better in all")
    for one in front:
        axes.annotate(
            label(one.point), (one.value, 1000 * one.p99), fontsize=7, xytext=(4, 4), textcoords="offset points"
        )
    if sweep.chosen is not None:
        axes.scatter(*_places([sweep.chosen]), marker="*", s=200, color="tab:red", label="chosen", zorder=3)
    if sweep.target.value is not None:
        axes.axvline(sweep.target.value, linestyle=":", color="grey")
    if sweep.target.p99 is not None:
        axes.axhline(1000 * sweep.target.p99, linestyle=":", color="grey")
    axes.set(xlabel=sweep.metric, ylabel="p99, milliseconds", title=f"{sweep.recipe} on {sweep.suite}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return drawn(figure)


def _places(results: Sequence[Result]) -> tuple[list[float], list[float]]:
    return [one.value for one in results], [1000 * one.p99 for one in results]


def _sizes(results: Sequence[Result]) -> list[float]:
    most = max((one.memory or 0.0 for one in results), default=0.0)
    return [20 + 100 * (one.memory or 0.0) / most if most else 40 for one in results]


def chosen_in_words(sweep: Sweep) -> str:
    """Say what was chosen and why, or that nothing is good enough."""
    if sweep.chosen is not None:
        return f"chosen: {', '.join(settings(sweep.chosen.point)) or 'the recipe as it is'}"
    if not sweep.target.asks:
        return "to have one chosen and written as a recipe, say what it must reach: --recall 0.95 --p99 150ms"
    near = max(sweep.results, key=lambda one: (one.value, -one.p99))
    said = f"{sweep.metric} {near.value:.3f} with a p99 of {1000 * near.p99:.1f} ms"
    return f"no point reaches the target; the best one has {said}: {', '.join(settings(near.point))}"
