"""Calls of one function of a list that come together, made one call.

A call that comes alone is made at once, in its own thread. Those that come while it runs wait, and are gathered into
the next call, which a thread of the gathering's own makes; so whoever stops waiting holds up nobody.
"""

from __future__ import annotations

import threading
import time
from asyncio import wrap_future
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from imagora.threads import submit

from .options import Batching

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Call(Generic[T, R]):
    """One call that waits: what it is made with, when it came, and how many were made together with it."""

    things: Sequence[T]
    came: float = field(default_factory=time.monotonic)
    done: Future[Sequence[R]] = field(default_factory=Future)
    size: int = 1


class Gathering(Generic[T, R]):
    """Gathers calls of `function`, which gives one result for each thing of a list, in order.

    May be used from any threads and event loops at once. Where a gathered call fails, its calls are made one by one, so
    that only those fail that do so alone. `heard` is told how many went together, in each caller's thread or task.
    """

    def __init__(
        self, function: Callable[[list[T]], Sequence[R]], options: Batching, heard: Callable[[int], None]
    ) -> None:
        self._function, self._options, self._heard = function, options, heard
        self._moved = threading.Condition()
        self._waiting: deque[Call[T, R]] = deque()
        self._running = 0

    def now(self, things: Sequence[T], alone: Callable[[], Sequence[R]]) -> Sequence[R]:
        """Give the results, in the calling thread; `alone` is called where there is nobody to go with."""
        call = self._entered(things)
        if call is not None:
            return self._told(call.done.result(), call.size)
        try:
            return self._told(alone(), 1)
        finally:
            self._left()

    async def later(self, things: Sequence[T], alone: Callable[[], Sequence[R]]) -> Sequence[R]:
        """Do what `now` does, in a task."""
        call = self._entered(things)
        if call is not None:
            return self._told(await wrap_future(call.done), call.size)
        # Its place is free when the thread has ended, or never began: not when somebody stops waiting for it.
        try:
            future = submit(alone)
        except BaseException:
            self._left()
            raise
        future.add_done_callback(lambda _: self._left())
        return self._told(await wrap_future(future), 1)

    def _entered(self, things: Sequence[T]) -> Call[T, R] | None:
        """Take a place, or wait in line: then give the call."""
        with self._moved:
            if self._running < self._options.at_once and not self._waiting:
                self._running += 1
                return None
            self._waiting.append(call := Call[T, R](things))
            self._moved.notify_all()
            return call

    def _left(self) -> None:
        """Free a place, or give it to a thread that works for those who wait."""
        with self._moved:
            if not self._waiting:
                self._running -= 1
                return
        try:
            threading.Thread(target=self._work, name="imagora-batch", daemon=True).start()
        except RuntimeError:  # no thread begins while the program ends, and somebody waits
            self._work()

    def _told(self, given: Sequence[R], size: int) -> Sequence[R]:
        self._heard(size)
        return given

    def _work(self) -> None:
        size = 1
        while batch := self._next(size):
            self._make(batch)
            size = len(batch)

    def _next(self, last: int) -> list[Call[T, R]]:
        """Take the next ones that wait, at most so many; with none, free the place. last: how many went before."""
        with self._moved:
            while self._waiting:
                if last > 1:
                    self._await_company(min(self._options.most, last + len(self._waiting)))
                taken = [self._waiting.popleft() for _ in range(min(self._options.most, len(self._waiting)))]
                # Whoever stopped waiting is not asked for; from here on nobody can.
                if batch := [call for call in taken if call.done.set_running_or_notify_cancel()]:
                    return batch
            self._running -= 1
            return []

    def _await_company(self, expected: int) -> None:
        # Those who were served last come back where there are many; the time that one waited for them counts.
        until = self._waiting[0].came + self._options.wait
        while 0 < len(self._waiting) < expected and (left := until - time.monotonic()) > 0:
            self._moved.wait(left)

    def _make(self, batch: list[Call[T, R]]) -> None:
        for call in batch:
            call.size = len(batch)
        try:
            given = self._given([thing for call in batch for thing in call.things])
        except BaseException as error:  # whatever it is, nobody may wait for ever
            if len(batch) == 1:
                batch[0].done.set_exception(error)
                return
            for call in batch:
                self._make([call])
            return
        start = 0
        for call in batch:
            call.done.set_result(given[start : start + len(call.things)])
            start += len(call.things)

    def _given(self, things: list[T]) -> Sequence[R]:
        given = self._function(things)
        if len(given) != len(things):
            raise ValueError(f"{len(given)} results came back for {len(things)} inputs")
        return given
