"""Threads for calls that mostly wait: for a model that others use, for an index, for a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
MOST = 64
"""asyncio's own pool has six threads on two cores: where queries wait for one another in them, six are under way."""


leads: ContextVar[asyncio.Task[object] | None] = ContextVar("imagora_leads", default=None)
"""The task of a caller who runs the event loop in their own thread, as `imagora.door` has it."""


beside: ContextVar[int] = ContextVar("imagora_beside", default=1)
"""How many threads do side by side what this one does: a model that each of them runs needs one core, and not all."""


async def nearby(call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Make a call of some milliseconds here where that keeps nobody waiting, else in a thread.

    That is where the caller runs the event loop, and has nothing else on it: a thread and back would cost a query's
    call a tenth of its time.
    """
    task = leads.get()
    if task is not None and task is asyncio.current_task() and len(asyncio.all_tasks()) == 1:
        return call(*arguments, **named)
    return await in_thread(call, *arguments, **named)


async def in_thread(call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Do what `asyncio.to_thread` does, in one of many more threads."""
    return await asyncio.wrap_future(submit(call, *arguments, **named))


def submit(call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> Future[R]:
    """Begin a call in one of the threads, with the caller's context variables."""
    return _pool().submit(copy_context().run, partial(call, *arguments, **named))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, thread_name_prefix="imagora")
