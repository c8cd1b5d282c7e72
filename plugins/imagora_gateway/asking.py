"""A query on its way from any door to the router: its turn, its deadline, and what is written down of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from imagora import Answer, Found, Query
from imagora.events import AnswerDone, Event

from .audit import Given
from .caller import Caller
from .errors import Refusal
from .gateway import Gateway
from .recipes import Served


@dataclass(frozen=True)
class Asking:
    """One request's way to a recipe; door: the route that it came through."""

    gateway: Gateway
    served: Served
    caller: Caller
    door: str
    request: str

    async def answer(self, query: Query) -> Answer:
        """Answer it whole."""
        async with self.gateway.capacity.turn(), _Deadline(self._seconds):
            answer = await self.gateway.recipes.router.answer(query, self.served.name)
        await self._give(query, answer)
        return answer

    async def find(self, query: Query) -> Found:
        """Find passages for it."""
        async with self.gateway.capacity.turn(), _Deadline(self._seconds):
            found = await self.gateway.recipes.router.retrieve(query, self.served.name)
        await self._give(query, found)
        return found

    async def stream(self, query: Query) -> AsyncGenerator[Event]:
        """Answer it in events; whoever leaves the stream closes it."""
        async with self.gateway.capacity.turn():
            end = asyncio.get_running_loop().time() + self._seconds
            async with aclosing(self.gateway.recipes.router.stream(query, self.served.name)) as events:
                while (event := await self._next(events, end)) is not None:
                    if isinstance(event, AnswerDone):
                        await self._give(query, event.answer)
                    yield event

    @property
    def _seconds(self) -> float:
        return self.gateway.settings.bounds.deadline

    async def _next(self, events: AsyncGenerator[Event, None], end: float) -> Event | None:
        async with _Deadline(end - asyncio.get_running_loop().time()):
            return await anext(events, None)

    async def _give(self, query: Query, result: Answer | Found) -> None:
        hash_ = getattr(result, "recipe_hash", "") or self.served.hash
        given = Given(self.request, self.door, self.caller, self.served.name, hash_, query, result)
        await self.gateway.audit.given(given)
        self.gateway.recent.add(given)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(max(seconds, 0))

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._timeout.__aexit__(*error)  # type: ignore[arg-type]  # what __aexit__ is given
        except TimeoutError:
            raise Refusal(504, "there was no answer within the gateway's deadline", code="deadline") from None
