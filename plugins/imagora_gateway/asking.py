"""A query on its way from any door to the router: its turn, its deadline, and what is written down of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass

from imagora import Answer, Found, Query
from imagora.events import AnswerDone, Event, PassagesFound, TextPart

from .audit import Given
from .caller import Caller
from .errors import Refusal
from .gateway import Gateway
from .logs import log
from .metrics import Watched
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
        with self._watched(query) as watched:
            async with self.gateway.capacity.turn(self.caller), _Deadline(self._seconds):
                answer = await self.gateway.recipes.router.answer(query, self.served.name)
            await self._give(query, answer, watched)
            return answer

    async def find(self, query: Query) -> Found:
        """Find passages for it."""
        with self._watched(query) as watched:
            async with self.gateway.capacity.turn(self.caller), _Deadline(self._seconds):
                found = await self.gateway.recipes.router.retrieve(query, self.served.name)
            await self._give(query, found, watched)
            return found

    async def stream(self, query: Query) -> AsyncGenerator[Event]:
        """Answer it in events; whoever leaves the stream closes it."""
        passages, told = Found((), ()), False
        with self._watched(query) as watched:
            async with self.gateway.capacity.turn(self.caller):
                end = asyncio.get_running_loop().time() + self._seconds
                try:
                    async with aclosing(self.gateway.recipes.router.stream(query, self.served.name)) as events:
                        while (event := await self._next(events, end)) is not None:
                            if isinstance(event, PassagesFound):
                                passages = Found(event.passages, ())
                            elif isinstance(event, TextPart):
                                told = True
                                watched.first_word = (
                                    watched.seconds if watched.first_word is None else watched.first_word
                                )
                            elif isinstance(event, AnswerDone):
                                told = False  # what is written down from here on is the whole answer
                                await self._give(query, event.answer, watched)
                            yield event
                finally:
                    if told:
                        await self.gateway.audit.given(self._given(query, passages, whole=False))

    def _watched(self, query: Query) -> AbstractContextManager[Watched]:
        return self.gateway.metrics.query(self.served.name, query)

    @property
    def _seconds(self) -> float:
        return self.gateway.settings.bounds.deadline

    async def _next(self, events: AsyncGenerator[Event, None], end: float) -> Event | None:
        async with _Deadline(end - asyncio.get_running_loop().time()):
            return await anext(events, None)

    def _given(self, query: Query, result: Answer | Found, *, whole: bool = True) -> Given:
        hash_ = getattr(result, "recipe_hash", "") or self.served.hash
        return Given(self.request, self.door, self.caller, self.served.name, hash_, query, result, whole)

    async def _give(self, query: Query, result: Answer | Found, watched: Watched) -> None:
        given = self._given(query, result)
        await self.gateway.audit.given(given)
        self.gateway.recent.add(given)
        self.gateway.metrics.gave(self.served.name, watched, result)
        log().info(
            "answered",
            door=self.door,
            recipe=self.served.name,
            recipe_hash=given.recipe_hash,
            tenant=self.caller.tenant,
            outcome=watched.outcome,
            passages=len(result.passages),
            seconds=round(watched.seconds, 4),
        )


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
