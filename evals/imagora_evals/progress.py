"""How far a run is: a bar on a terminal, a line now and then elsewhere, on the standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 5.0


@contextmanager
def asking_bar() -> Iterator[Callable[[int, int], None]]:
    """Give what is told how many queries are done, and how many there are."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Prints a line every few seconds."""

    def __init__(self) -> None:
        self.last = self.began = time.monotonic()
        self.first = 0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.first:  # before it, models were loaded
            self.began, self.first = now, done
        if done > self.first and now - self.last >= EVERY_SECONDS:
            self.last = now
            left = (now - self.began) / (done - self.first) * (total - done)
            print(f"asking: {done} of {total} queries, about {left:.0f} s left", file=sys.stderr)
