"""Two kinds of load: callers who each wait for their answer, and queries that come whether or not there is time.

In an open loop a query's time counts from the moment it was due. Where the pipeline falls behind, queries that had to
wait before they were even begun show it: leaving that out is the error called coordinated omission (Tene 2013).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

MOST_WAITING = 10_000
"""Queries under way at once at most; one that comes then is an error, so that memory is bounded."""
TOO_MANY = f"more than {MOST_WAITING:,} queries were under way"
UNFINISHED = "not finished when time was up"


@dataclass(frozen=True)
class Gave:
    """What one query gave: seconds by stage, and what went wrong, "" where nothing did."""

    stages: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


Ask = Callable[[int], Awaitable[Gave]]
"""Asks the query of a number; the n-th of any load asks the n-th query of the suite, round and round."""


@dataclass(frozen=True)
class Asked:
    """One query of a load, in seconds since its beginning.

    due: when it was to be asked. ended: when its answer was there.
    """

    due: float
    ended: float
    gave: Gave

    @property
    def seconds(self) -> float:
        """How long whoever asked it waited."""
        return self.ended - self.due


async def closed(ask: Ask, callers: int, seconds: float, stop: asyncio.Event) -> list[Asked]:
    """Let so many callers ask, each the next query when it has its answer, until time is up or `stop` is set."""
    asked: list[Asked] = []
    started = time.perf_counter()
    numbers = iter(range(1 << 62))

    async def caller() -> None:
        while not stop.is_set() and (due := time.perf_counter() - started) < seconds:
            gave = await ask(next(numbers))
            asked.append(Asked(due, time.perf_counter() - started, gave))

    await _all([asyncio.create_task(caller()) for _ in range(callers)], stop)
    return asked


async def open_(ask: Ask, rate: float, seconds: float, stop: asyncio.Event, seed: int = 0) -> list[Asked]:
    """Ask queries at random moments, `rate` a second on average (a Poisson process), whatever is still under way.

    What is not finished as long again after the last one is due counts as an error.
    """
    asked: list[Asked] = []
    chance = random.Random(seed)  # noqa: S311 - no secret
    started = time.perf_counter()
    running: dict[asyncio.Task[None], float] = {}

    async def one(number: int, due: float) -> None:
        gave = await ask(number)
        asked.append(Asked(due, time.perf_counter() - started, gave))

    due, number = chance.expovariate(rate), 0
    while due < seconds and not stop.is_set():
        wait = due - (time.perf_counter() - started)
        await (_until(stop, wait) if wait > 0 else asyncio.sleep(0))
        if stop.is_set():
            break
        if len(running) >= MOST_WAITING:
            asked.append(Asked(due, time.perf_counter() - started, Gave(error=TOO_MANY)))
        else:
            task = asyncio.create_task(one(number, due))
            running[task] = due
            task.add_done_callback(lambda ended: running.pop(ended, None))
        due, number = due + chance.expovariate(rate), number + 1
    late = dict(running)
    if not stop.is_set():
        await _all(list(running), stop, seconds)
    for task, was_due in late.items():
        if not task.done() or task.cancelled():
            asked.append(Asked(was_due, time.perf_counter() - started, Gave(error=UNFINISHED)))
    await _end(list(running))
    return asked


async def _until(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


async def _all(tasks: list[asyncio.Task[None]], stop: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for tasks, until `stop` is set or so many seconds have gone; then end those that are left."""
    stopped = asyncio.create_task(stop.wait())
    left: set[asyncio.Task[object]] = set(tasks)
    end = None if seconds is None else time.perf_counter() + seconds
    while left and not stopped.done():
        rest = None if end is None else max(0.0, end - time.perf_counter())
        done, _ = await asyncio.wait({*left, stopped}, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            break
        left -= done
    stopped.cancel()
    await _end(tasks)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
