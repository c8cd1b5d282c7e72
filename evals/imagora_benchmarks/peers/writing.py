"""What is kept of a run: JSON with every query's time, a table in Markdown, and a plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .judging import Bound, Figures
from .rounds import Measured


def document(
    measured: Mapping[str, Measured], of: Mapping[str, Figures], judged: Sequence[Bound], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Give all of a run as JSON has it; asked: by what, items, queries and k."""
    return {
        **asked,
        "machine": machine(),
        "commit": commit(),
        "versions": {name: version for one in measured.values() for name, version in sorted(one.versions.items())},
        "bounds": [{**asdict(bound), "held": bound.held} for bound in judged],
        "sides": {name: asdict(one) for name, one in of.items()},
        "milliseconds": {name: one.clock for name, one in measured.items()},
        "processor_milliseconds": {name: one.processor for name, one in measured.items()},
    }


def machine() -> dict[str, Any]:
    """Say what the figures depend on and nothing else: the processor, its cores, what else it did, and Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    python = platform.python_version()
    return {"cpu": model or platform.machine(), "cores": os.cpu_count(), "load_after": load, "python": python}


def commit() -> str:
    """Give the commit that the code is of, with a + where it was changed since; "" outside of a repository."""
    here = Path(__file__).parent
    said = [
        subprocess.run(["git", *words], cwd=here, capture_output=True, text=True)  # noqa: S607 - the user's own git
        for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    ]
    return said[0].stdout.strip() + ("+" if said[1].stdout.strip() else "") if not said[0].returncode else ""


def rows(of: Mapping[str, Figures]) -> list[list[str]]:
    """Give the table's rows, the fastest side first."""
    ours = of.get("imagora")
    return [
        [
            name,
            f"{one.p50:.2f}",
            f"{one.p99:.2f}",
            f"{one.p50 / ours.p50:.2f}" if ours else "",
            "" if one.overlap is None else f"{one.overlap:.3f}",
            f"{one.processor:.2f}",
            f"{one.megabytes:,}",
        ]
        for name, one in sorted(of.items(), key=lambda pair: pair[1].p50)
    ]


HEADINGS = ("side", "p50, ms", "p99, ms", "p50 / imagora's", "overlap@k", "processor p50, ms", "MB")
BOUND_HEADINGS = ("bound", "figure", "limit", "held?")


def verdict(bound: Bound) -> list[str]:
    """Give a bound's row: what, its figure, its limit, and whether it was held."""
    sign = "≥" if bound.least else "≤"
    return [bound.what, f"{bound.value:.3f}", f"{sign} {bound.limit:.2f}", "held" if bound.held else "not held"]


def write(folder: Path, whole: Mapping[str, Any], of: Mapping[str, Figures], judged: Sequence[Bound]) -> Path:
    """Write the three files of a run and give the first, which has the others beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"peers-{'' if whole['by'] == 'words' else 'pictures-'}{whole['items']}.json"
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in whole.items()]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    file.with_suffix(".md").write_text(_markdown(whole, of, judged), "utf-8")
    _plot(file.with_suffix(".svg"), whole, of)
    return file


def _markdown(whole: Mapping[str, Any], of: Mapping[str, Figures], judged: Sequence[Bound]) -> str:
    about = whole["machine"]
    parts = [
        f"# Side by side at {whole['items']:,} items, asked by {whole['by']}\n",
        f"{whole['queries']} queries for {whole['k']} passages, one thread each, on {about['cpu']} ({about['cores']} "
        f"cores, load {about['load_after']} at the end), Python {about['python']}, commit {whole['commit']}.\n",
        _lines(HEADINGS, rows(of)),
        _lines(BOUND_HEADINGS, [verdict(bound) for bound in judged]),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(whole["versions"].items())) + ".\n",
    ]
    return "\n".join(parts)


def _lines(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in (headings, ["---"] * len(headings), *cells))


def _plot(file: Path, whole: Mapping[str, Any], of: Mapping[str, Figures]) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "peers"  # so that the same figures make the same file
    figure = Figure(figsize=(8, 0.6 * len(of) + 1.4), layout="constrained")
    axes = figure.subplots()
    names = [row[0] for row in reversed(rows(of))]
    colours = ["#2f6f9f" if name == "imagora" else "#b0b7bd" for name in names]
    bars = axes.barh(names, [of[name].p50 for name in names], color=colours, label="p50")
    axes.bar_label(bars, fmt="%.1f", padding=4)
    axes.scatter([of[name].p99 for name in names], names, color="#333333", marker="|", s=120, label="p99", zorder=3)
    axes.set_xlim(left=0)  # lengths are to be compared, so no logarithm
    axes.set_xlabel("milliseconds a query")
    title = f"{whole['items']:,} items, {whole['queries']} queries by {whole['by']}, one thread"
    axes.set_title(title, fontsize="medium")
    axes.legend(loc="upper right")
    figure.savefig(file, metadata={"Date": None})
