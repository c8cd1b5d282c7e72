"""The command line: `python -m imagora_benchmarks.peers`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import __doc__ as about
from .child import EXACT, SIDES
from .judging import FROM, bounds, figures
from .rounds import SETTLING, Run, SideFailedError, fill, measure
from .writing import BOUND_HEADINGS, HEADINGS, document, rows, verdict, write

K = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep and print the figures, and give the exit code."""
    said = _parser().parse_args(arguments)
    names = said.only or list(SIDES[said.by])
    if unknown := [name for name in names if name not in SIDES[said.by]]:
        print(f"there is no side '{unknown[0]}'; there is: {', '.join(SIDES[said.by])}", file=sys.stderr)
        return 2
    judged_by_time = said.items >= FROM and said.by == "words"
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = Run(said.by, said.items, said.queries, K, Path(folder), SETTLING if judged_by_time else 0)
            fill(run)
            measured = measure(names, run)
    except SideFailedError as failed:
        print(f"{failed}\nthe peers are in a dependency group: tox run -e peers", file=sys.stderr)
        return 2
    of = figures(measured, EXACT[said.by])
    judged = bounds(of, said.items, said.by)
    whole = document(measured, of, judged, {"by": run.by, "items": run.items, "queries": run.queries, "k": run.k})
    file = write(said.results, whole, of, judged)
    console = Console()
    console.print(_table(HEADINGS, rows(of)), _table(BOUND_HEADINGS, [verdict(bound) for bound in judged]))
    if not judged_by_time:
        console.print(f"times are only judged by words, and from {FROM:,} items on")
    console.print(f"kept in {file.name}, with .md and .svg beside it")
    return int(not all(bound.held for bound in judged))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m imagora_benchmarks.peers",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--by", choices=list(SIDES), default="words")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--only", type=lambda names: names.split(","), metavar="SIDE,SIDE")
    parser.add_argument("--results", type=Path, default=Path("evals/results"), metavar="FOLDER")
    return parser


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(*headings)
    for row in cells:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())
