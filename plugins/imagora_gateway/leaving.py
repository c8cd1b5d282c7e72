"""Clients that leave: the work for them ends, in the generator too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from .errors import Refusal

T = TypeVar("T")
GONE = 499
"""The status, nobody sees it but the log, of a request whose client left."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Give what the work gives; where the client leaves before, cancel it, and wait until it has ended.

    The request's body must have been read.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Refusal(GONE, "the client left", code="client_left")
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


class EventStream(StreamingResponse):
    """Server-sent events out of a generator that is closed in any case, even where it was never begun."""

    def __init__(self, events: AsyncGenerator[str], *opened: AsyncGenerator[Any]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._opened = (events, *opened)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until the client leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            for generator in self._opened:
                await generator.aclose()


async def begun(events: AsyncIterator[T], until: tuple[type[Any], ...]) -> list[T]:
    """Take from a stream until there is one of these kinds, so that what is wrong before it can have a status."""
    taken: list[T] = []
    async for event in events:
        taken.append(event)
        if isinstance(event, until):
            break
    return taken
