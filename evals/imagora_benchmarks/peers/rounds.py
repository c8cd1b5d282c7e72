"""The processes of all sides, and the rounds of queries that go from one to the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from .captions import questions
from .drawings import drawn

ROUND, UNCOUNTED = 25, 5
"""Queries of a side's turn that count, and those before them, which fill the processor's caches again.

With turns of 10 and 1, Imagora's median was 1.26 of the floor's at 2,000 items, and with turns of 50 it was 1.13: the
more code a side has, the more of it the other sides have driven out. What answers all day long has it there.
"""
WARM_UP = 20
SETTLING = 30
"""Seconds after the warm-up, where times are judged: what a process does once in the background is done by then, as
Imagora's moving of its models into huge pages."""
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
QUIET = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip


class SideFailedError(Exception):
    """A side's process ended before its time."""


@dataclass(frozen=True)
class Run:
    """What is asked of all sides: by words or pictures, over how many items, and for how many passages.

    settling: seconds between the warm-up and the first round.
    """

    by: str
    items: int
    queries: int
    k: int
    folder: Path
    settling: float = 0


@dataclass
class Measured:
    """What one side did: milliseconds a query by the clock and of the processor, and the names that it found."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    found: list[list[str]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    megabytes: int = 0


class SideProcess:
    """One side's process, asked a line at a time."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name, self._process = name, process

    def ask(self, queries: Sequence[str]) -> list[tuple[float, float, list[str]]]:
        """Let it answer queries one after the other."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with one
        self._process.stdin.write(json.dumps(list(queries)) + "\n")
        self._process.stdin.flush()
        answers: list[tuple[float, float, list[str]]] = self.heard()
        return answers

    def ended(self) -> Any:
        """Tell it that there are no more queries, and give its last words."""
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.close()
        return self.heard()

    def heard(self) -> Any:
        """Wait for its next line."""
        assert self._process.stdout is not None  # noqa: S101 - as above
        if not (line := self._process.stdout.readline()):
            raise SideFailedError(f"the side '{self.name}' ended with exit code {self._process.wait()}; see above")
        return json.loads(line)


def fill(run: Run) -> None:
    """Embed the corpus where it is not kept yet, and fill Imagora's index, in a process of its own."""
    done = subprocess.run(_command("fill", run), env=_environment())
    if done.returncode:
        raise SideFailedError(f"the index could not be filled (exit code {done.returncode}); see above")


def measure(names: Sequence[str], run: Run) -> dict[str, Measured]:
    """Open every side, warm it up, and take the queries to all of them, round by round."""
    warm_up, rounds = asked(run)
    measured = {name: Measured() for name in names}
    with ExitStack() as stack, Progress(transient=True) as progress:
        sides = [stack.enter_context(_started(name, run)) for name in names]
        for side in progress.track(sides, description="sides are opened"):
            measured[side.name].versions = side.heard()["versions"]
        for side in sides:
            side.ask(warm_up)
        time.sleep(run.settling)
        for number, one in enumerate(progress.track(rounds, description="rounds")):
            turn = number % len(sides)
            for side in [*sides[turn:], *sides[:turn]]:
                _add(measured[side.name], side.ask(one)[UNCOUNTED:])
        for side in sides:
            measured[side.name].megabytes = side.ended()["megabytes"]
    return measured


def asked(run: Run) -> tuple[list[str], list[list[str]]]:
    """Give the warm-up, and rounds whose first queries are not counted.

    By picture, queries are files, which are drawn in the run's folder.
    """
    rounds = -(-run.queries // ROUND)
    count = WARM_UP + run.queries + UNCOUNTED * rounds
    made = questions(count) if run.by == "words" else [str(file) for file in drawn(run.folder / "asked", count)]
    counted, first = made[WARM_UP : WARM_UP + run.queries], made[WARM_UP + run.queries :]
    return made[:WARM_UP], [
        [*first[n * UNCOUNTED : (n + 1) * UNCOUNTED], *counted[n * ROUND : (n + 1) * ROUND]] for n in range(rounds)
    ]


def _add(measured: Measured, answers: Sequence[tuple[float, float, list[str]]]) -> None:
    for clock, processor, found in answers:
        measured.clock.append(clock)
        measured.processor.append(processor)
        measured.found.append(found)


@contextmanager
def _started(name: str, run: Run) -> Iterator[SideProcess]:
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(_command(name, run), **pipes, env=_environment(), cwd=run.folder) as process:
        try:
            yield SideProcess(name, process)
        finally:
            process.terminate()


def _command(name: str, run: Run) -> list[str]:
    words = [run.by, name, str(run.items), str(run.k), str(run.folder)]
    return [sys.executable, "-m", f"{__package__}.child", *words]


def _environment() -> dict[str, str]:
    return {**os.environ, **QUIET, **dict.fromkeys(ONE_THREAD, "1")}
