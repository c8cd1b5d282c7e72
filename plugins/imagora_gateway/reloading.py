"""Recipes read again while they answer: on request, and on SIGHUP."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from imagora.errors import ImagoraError

from .errors import Refusal
from .gateway import Gateway
from .logs import log
from .recipes import Served

_CLOSING = 1.0
"""Seconds that a pipeline may take to close."""


async def reload(gateway: Gateway, recipe: str | None = None) -> list[Served]:
    """Read recipes again, between two items that are written; the error of a new one that is wrong is raised."""
    async with gateway.items.writing:
        served = await gateway.recipes.reload(recipe)
    gateway.settle()
    # Once more when no query can be in what was replaced: what is still held by one now goes then.
    asyncio.get_running_loop().call_later(gateway.settings.bounds.deadline + _CLOSING, gateway.settle)
    log().info("reloaded", recipes=[one.id for one in served])
    return served


@contextmanager
def on_hangup(gateway: Gateway) -> Iterator[None]:
    """Let SIGHUP read all recipes again, where this is the program's own loop."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def reloaded() -> None:
        try:
            await reload(gateway)
        except (ImagoraError, Refusal) as error:
            log().error("not reloaded", code=getattr(error, "code", None), error=str(error))

    def heard() -> None:
        tasks.add(task := asyncio.create_task(reloaded()))
        task.add_done_callback(tasks.discard)

    try:
        loop.add_signal_handler(signal.SIGHUP, heard)
    except (ValueError, RuntimeError, AttributeError):
        yield  # in a thread, or on a system without it
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
