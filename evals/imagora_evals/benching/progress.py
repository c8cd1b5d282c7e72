"""How far a bench is, on stderr: a bar on a terminal, a line for each load elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .running import Loads, OnStep

TICK = 0.2


@contextmanager
def steps_shown(loads: Loads) -> Iterator[OnStep]:
    """Give what is to be told of every load that begins."""
    if not sys.stderr.isatty():
        yield lambda what, seconds: typer.echo(f"{what}, for {seconds:g} s", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    whole = loads.warm_up + loads.seconds * (len(loads.callers) + len(loads.rates))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=whole)
        began, ended = time.monotonic(), threading.Event()

        def tick() -> None:
            while not ended.wait(TICK):
                bar.update(task, completed=time.monotonic() - began)

        thread = threading.Thread(target=tick, name="imagora-bench", daemon=True)
        thread.start()
        try:
            yield lambda what, _: bar.update(task, description=what)
        finally:
            ended.set()
            thread.join()
