"""Plots as SVG by matplotlib: in a page they take the page's colours, alone they are on white."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from .history import Past
from .summary import Estimate

INK, SOFT, ACCENT, GRID = "#1d1c1a", "#5d5a54", "#8a3b12", "#e0dcd2"
_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", ACCENT: "var(--accent)", GRID: "var(--line)"}
_MARKS = "osD^v<>P"
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_WIDE, _ROW, _TALL = 5.2, 0.34, 2.1


@dataclass
class Drawn:
    """A figure's SVG, once it is drawn."""

    svg: str = ""

    def in_page(self) -> str:
        """Give it with the page's colours in place of its own."""
        found = self.svg
        for colour, variable in _VARIABLES.items():
            found = found.replace(colour, variable)
        return found


@contextmanager
def _figure(rows: int, height: float, **more: Any) -> Iterator[tuple[Any, Any, Drawn]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        **{"svg.fonttype": "none", "svg.hashsalt": "imagora", "font.family": "sans-serif", "font.size": 10},
        **{"text.color": INK, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": INK, "axes.edgecolor": GRID},
        **{"axes.spines.top": False, "axes.spines.right": False, "grid.color": GRID, "axes.axisbelow": True},
    }
    drawn = Drawn()
    with mpl.rc_context(style):
        figure = Figure(figsize=(_WIDE, height), layout="constrained")
        axes = figure.subplots(rows, 1, squeeze=False, **more)[:, 0]
        figure.patch.set_alpha(0)
        for one in axes:
            one.patch.set_alpha(0)
        yield figure, axes, drawn
        stream = StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    whole = _METADATA.sub("", stream.getvalue())
    drawn.svg = whole[whole.index("<svg") :]


def intervals(found: Mapping[str, Estimate], title: str = "") -> Drawn:
    """Draw means from 0 to 1 with their intervals, one below the other."""
    names = list(found)
    with _figure(1, 0.6 + _ROW * len(names) + 0.25 * bool(title)) as (_, (axes,), drawn):
        places = range(len(names), 0, -1)
        means = [found[name].mean for name in names]
        low = [max(0.0, found[name].mean - found[name].low) for name in names]
        high = [max(0.0, found[name].high - found[name].mean) for name in names]
        axes.errorbar(means, places, xerr=[low, high], fmt="o", color=ACCENT, ecolor=SOFT, capsize=3, markersize=5)
        axes.set_yticks(list(places), names)
        axes.set_xlim(-0.02, max(1.02, *(found[name].high * 1.05 for name in names)))
        axes.set_ylim(0.4, len(names) + 0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_title(title, loc="left", fontsize=10)
    return drawn


def differences(found: Mapping[str, tuple[float, float, float]]) -> Drawn:
    """Draw differences (mean, low, high) around zero, one below the other."""
    names = list(found)
    with _figure(1, 0.6 + _ROW * len(names)) as (_, (axes,), drawn):
        places = range(len(names), 0, -1)
        means = [found[name][0] for name in names]
        below = [max(0.0, mean - low) for mean, low, _ in found.values()]
        above = [max(0.0, high - mean) for mean, _, high in found.values()]
        axes.axvline(0, color=INK, linewidth=1)
        axes.errorbar(means, places, xerr=[below, above], fmt="o", color=ACCENT, ecolor=SOFT, capsize=3, markersize=5)
        axes.set_yticks(list(places), names)
        widest = max(0.01, *(abs(end) for one in found.values() for end in one)) * 1.1
        axes.set_xlim(-widest, widest)
        axes.set_ylim(0.4, len(names) + 0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
    return drawn


def stage_times(found: Mapping[str, Sequence[float]]) -> Drawn:
    """Draw the median of each stage in milliseconds as a bar, with a mark at the 95th percentile."""
    names = list(found)
    with _figure(1, 1.0 + _ROW * len(names)) as (_, (axes,), drawn):
        places = range(len(names), 0, -1)
        axes.barh(list(places), [1000 * found[name][0] for name in names], height=0.55, color=ACCENT, label="median")
        axes.plot([1000 * found[name][1] for name in names], list(places), "|", color=INK, markersize=13, label="95 %")
        axes.set_yticks(list(places), names)
        axes.set_xlabel("milliseconds")
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8)
    return drawn


def over_time(runs: Sequence[Past], metrics: Sequence[str]) -> Drawn:
    """Draw each metric over time: one line for each recipe, suite and part, a mark for each generation.

    Runs on another digest of a suite begin a line of their own, for they do not compare.
    """
    lines: dict[tuple[str, ...], list[Past]] = {}
    for run in runs:
        lines.setdefault((run.recipe, run.suite, run.part, run.suite_digest), []).append(run)
    from matplotlib.dates import ConciseDateFormatter

    with _figure(len(metrics), 0.9 + _TALL * len(metrics), sharex=True) as (_, axes, drawn):
        for place, (name, here) in enumerate(zip(metrics, axes, strict=True)):
            for number, (key, line) in enumerate(lines.items()):
                _line(here, name, [run for run in line if name in run.means], key, f"C{number}")
            here.set_title(f"{name}, in seconds" if name in ("p50", "p95") else name, loc="left", fontsize=10)
            here.grid(axis="y")
            here.margins(0.06, 0.2)
            if place == 0:
                here.legend(frameon=False, fontsize=8, loc="best")
        within: Any = ConciseDateFormatter  # it ships no types
        axes[-1].xaxis.set_major_formatter(within(axes[-1].xaxis.get_major_locator()))
    return drawn


def _line(axes: Any, name: str, runs: Sequence[Past], key: tuple[str, ...], colour: str) -> None:
    moments = [datetime.fromtimestamp(run.at, tz=UTC) for run in runs]
    values = [run.means[name] for run in runs]
    recipe, suite, part, digest = key
    label = f"{recipe} on {suite}" + (f" ({part})" if part else "") + f" {digest[:6]}"
    axes.plot(moments, values, "-", color=colour, linewidth=1.2, label=label)
    for generation in sorted({run.generation for run in runs}):
        chosen = [place for place, run in enumerate(runs) if run.generation == generation]
        mark = _MARKS[(generation - 1) % len(_MARKS)]
        axes.plot([moments[p] for p in chosen], [values[p] for p in chosen], mark, color=colour, markersize=5)
        if generation > 1:
            place = (moments[chosen[0]], values[chosen[0]])
            said, offset = f"gen. {generation}", (0, 7)
            axes.annotate(said, place, offset, textcoords="offset points", ha="center", fontsize=7, color=SOFT)
