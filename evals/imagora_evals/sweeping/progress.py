"""How far a sweep is, on stderr: a bar on a terminal, a line for each point elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .grid import Point
from .index_sweep import OnPoint
from .report import label


@contextmanager
def points_shown() -> Iterator[OnPoint]:
    """Give what is to be told of every point that begins."""
    if not sys.stderr.isatty():

        def line(done: int, total: int, point: Point) -> None:
            if done < total:
                typer.echo(f"point {done + 1} of {total}: {label(point)}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, point: bar.update(task, total=total, completed=done, description=label(point))
