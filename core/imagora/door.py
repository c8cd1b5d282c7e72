"""The thin synchronous door to asynchronous code: one event loop, in the caller's thread or in one of its own.

One loop, so that connections which belong to it live from one call to the next. Whoever calls alone runs it in their
own thread, since every switch to another thread and back costs a query time. Where that cannot be, as in notebooks,
where a loop already runs, and as soon as two call at once or a call leaves work behind, it has a thread of its own.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextvars import copy_context
from typing import Any, TypeVar

from .threads import leads

T = TypeVar("T")


class Door:
    """Runs coroutines from synchronous code, from any thread; a thread of the loop's own ends with `close`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._is_led = False
        """Whether a caller runs the loop."""
        self._has_thread = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end and give its result; Ctrl-C cancels it."""
        loop, lead = self._entered()
        if lead:
            return self._led(loop, coroutine)
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End what runs, and the thread; a door can be opened again."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None:
                return
            if self._is_led:  # who leads it ends it
                loop.call_soon_threadsafe(_cancel_all, loop)
            elif self._has_thread:
                loop.call_soon_threadsafe(loop.stop)
            else:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

    def _entered(self) -> tuple[asyncio.AbstractEventLoop, bool]:
        """Give the loop, and whether the caller is to run it."""
        with self._lock:
            if self._loop is None:
                self._loop, self._is_led, self._has_thread = _new_loop(), False, False
            lead = not (self._is_led or self._has_thread or _in_a_loop())
            if lead:
                self._is_led = True
            elif not self._has_thread:
                self._has_thread = True  # the one who leads starts it when leaving
                if not self._is_led:
                    _start(_run, self._loop)
            return self._loop, lead

    def _led(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
        context = copy_context()
        task = loop.create_task(coroutine, context=context)
        context.run(leads.set, task)
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:  # the door was closed
            raise CancelledError from None
        except BaseException:
            if not task.done():  # Ctrl-C
                task.cancel()
                loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            raise
        finally:
            # Else the task and its context hold each other, and what looks for other tasks meets dozens that are done.
            context.run(leads.set, None)
            self._leave(loop)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            closed = self._loop is not loop
            if not closed:
                self._is_led = False
                # Others came meanwhile, or what was called goes on with something.
                self._has_thread = self._has_thread or bool(asyncio.all_tasks(loop))
            if closed or self._has_thread:
                _start(_end if closed else _run, loop)


class _Unhurried(selectors.DefaultSelector):
    """Asks the system for news of connections only where there are any, or where there is nothing else to do.

    A loop asks before every step, though a call that embeds and searches in its own thread has no connection. What
    other threads want done is among the steps; the pipe that the loop has for itself only wakes it.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0 and len(self.get_map()) <= 1:
            return []
        return super().select(timeout)


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # whose own loop has no selector
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(_Unhurried())


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _start(what: Callable[[asyncio.AbstractEventLoop], None], loop: asyncio.AbstractEventLoop) -> None:
    threading.Thread(target=what, args=(loop,), name="imagora", daemon=True).start()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(_ended(loop))
    finally:
        loop.close()  # gives back its sockets


async def _ended(loop: asyncio.AbstractEventLoop) -> None:
    # Whoever still waits at the door is told, instead of waiting for a loop that has stopped.
    others = _cancel_all(loop)
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in others:
        task.cancel()
    return others
