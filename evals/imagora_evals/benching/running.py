"""The loads of a bench, one after the other, in one event loop; Ctrl-C ends the one that runs, and keeps all."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from imagora import Pipeline, Principal
from imagora.errors import ImagoraError, QueryError

from imagora_evals.suite import EvalQuery

from .load import Ask, Gave, closed, open_
from .steps import Kind, Step, named, step_of

REFUSED = "IMG-508"
OnStep = Callable[[str, float], None]
"""Called with what load begins, and how many seconds it takes."""


@dataclass(frozen=True)
class Loads:
    """What to try: numbers of callers, rates in queries a second, and the seconds of each and of the warm-up."""

    callers: Sequence[int] = (1, 2, 4, 8)
    rates: Sequence[float] = ()
    seconds: float = 10.0
    warm_up: float = 2.0
    seed: int = 0


def asking(pipeline: Pipeline, queries: Sequence[EvalQuery], *, answer: bool, principal: Principal | None) -> Ask:
    """Give what asks a pipeline; a guardrail that refuses has done its work, and is no error."""

    async def ask(number: int) -> Gave:
        query = queries[number % len(queries)]
        door = pipeline.aask if answer else pipeline.asearch
        try:
            found = await door(query.text, pictures=list(query.pictures), principal=principal)
        except QueryError as error:
            return Gave() if error.code == REFUSED else Gave(error=str(error))
        except ImagoraError as error:
            return Gave(error=str(error))
        stages: dict[str, float] = {}
        for record in found.stages:
            name = f"{record.stage} {record.component}"
            stages[name] = stages.get(name, 0.0) + record.seconds
        return Gave(stages)

    return ask


async def run(ask: Ask, loads: Loads, on_step: OnStep, ready: Callable[[], Awaitable[None]]) -> tuple[list[Step], bool]:
    """Warm up, try every load, and give what each came to, and whether somebody interrupted.

    ready: opens what queries need, and raises what is wrong with it.
    """
    await ready()
    stop = asyncio.Event()
    steps: list[Step] = []
    with _interrupting(stop):
        if loads.warm_up:
            on_step("warming up", loads.warm_up)
            warm = await closed(ask, max(loads.callers, default=1), loads.warm_up, stop)
            # One query that never worked is a mistake; hours of errors measure nothing.
            if warm and all(one.gave.error for one in warm):
                raise QueryError(f"no query could be answered while warming up: {warm[0].gave.error}")
        for kind, level in _levels(loads):
            if stop.is_set():
                break
            on_step(named(kind, level), loads.seconds)
            if kind == "closed":
                asked = await closed(ask, int(level), loads.seconds, stop)
            else:
                asked = await open_(ask, level, loads.seconds, stop, loads.seed)
            if asked:
                steps.append(step_of(kind, level, asked, 0.0 if kind == "closed" or stop.is_set() else loads.seconds))
    return steps, stop.is_set()


def _levels(loads: Loads) -> Iterator[tuple[Kind, float]]:
    for callers in loads.callers:
        yield "closed", callers
    for rate in loads.rates:
        yield "open", rate


@contextmanager
def _interrupting(stop: asyncio.Event) -> Iterator[None]:
    """Let the first Ctrl-C set `stop`; a second one interrupts as ever."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, first)
    except (NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
