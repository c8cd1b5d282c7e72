"""How much is let in: bodies of a size, so many queries at once, so many that wait, and none for ever."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Container, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .caller import LOOPBACK, NOBODY, Caller
from .errors import Refusal
from .logs import ROUTE
from .settings import Bounds

Told: TypeAlias = Callable[[int, int], None]
"""Hears how many queries run and wait, whenever that changes."""
SMALL = 65_536
"""Bytes of a body that a client has sent before it looks for an answer."""


class Capacity:
    """Gives queries their turn; what comes beyond the turns and the places to wait is refused at once.

    One caller cannot take all of them: what they have under way is bounded, too.
    """

    def __init__(self, bounds: Bounds, told: Told = lambda running, waiting: None) -> None:
        self._bounds, self._told = bounds, told
        self._turns = asyncio.Semaphore(bounds.concurrent)
        self.running = self.waiting = 0
        self._under_way: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, caller: Caller = NOBODY) -> AsyncGenerator[None]:
        """Wait for a turn and hold it.

        A Refusal where too many wait or the wait is too long (503), or where the caller has too many under way (429).
        """
        with self._one_of(caller):
            async with self._turn():
                yield

    @contextmanager
    def _one_of(self, caller: Caller) -> Iterator[None]:
        if caller in (LOOPBACK, NOBODY):  # whoever they all are
            yield
            return
        who, most = caller.id, caller.concurrent or self._bounds.each or max(1, self._bounds.concurrent // 2)
        if (there := self._under_way.get(who, 0)) >= most:
            said = f"this key may have {most} {'query' if most == 1 else 'queries'} under way; try again when one ended"
            raise Refusal(429, said, code="too_many_at_once", headers={"Retry-After": "1"})
        self._under_way[who] = there + 1
        try:
            yield
        finally:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        await self._begin()
        self.running += 1
        self._told(self.running, self.waiting)
        try:
            yield
        finally:
            self.running -= 1
            self._turns.release()
            self._told(self.running, self.waiting)

    @property
    def is_full(self) -> bool:
        """Whether what comes now could not even wait."""
        return self._turns.locked() and self.waiting >= self._bounds.waiting

    def full(self) -> Refusal:
        """Give what is said to those who come while it is full."""
        return self._overloaded("too many queries are waiting")

    async def _begin(self) -> None:
        if self.is_full:
            raise self.full()
        self.waiting += 1
        self._told(self.running, self.waiting)
        try:
            async with asyncio.timeout(self._bounds.patience):
                await self._turns.acquire()
        except TimeoutError:
            raise self._overloaded(f"there was no turn within {self._bounds.patience:g} s") from None
        finally:
            self.waiting -= 1
            self._told(self.running, self.waiting)

    def _overloaded(self, why: str) -> Refusal:
        again = max(1, math.ceil(self.waiting / self._bounds.concurrent))
        return Refusal(503, f"{why}; try again later", code="overloaded", headers={"Retry-After": str(again)})


class Turnstile:
    """Refuses queries that could not even wait before anything is done for them; plain ASGI.

    Whoever calls in vain comes back, so that a refusal must cost far less than an answer. A large body is read all the
    same, and refused by `Capacity`: where it is left unread, many clients see a broken connection and no answer.
    """

    def __init__(self, app: ASGIApp, capacity: Capacity, routes: Container[str], told: Callable[[], None]) -> None:
        self._app, self._capacity, self._routes, self._told = app, capacity, routes, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if not (scope["type"] == "http" and self._capacity.is_full and self._is_small_query(scope)):
            await self._app(scope, receive, send)
            return
        scope[ROUTE] = scope["path"]
        self._told()
        await self._capacity.full().response(HTTPConnection(scope))(scope, receive, send)

    def _is_small_query(self, scope: Scope) -> bool:
        if scope["method"] != "POST" or scope["path"] not in self._routes:
            return False
        said = Headers(scope=scope).get("content-length", "")
        return said.isdecimal() and int(said) <= SMALL


class BodyLimit:
    """Refuses bodies that are larger than they may be, each and together, whatever their headers say; plain ASGI."""

    def __init__(self, app: ASGIApp, most: int, together: int) -> None:
        self._app, self._most, self._together = app, most, max(most, together)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > self._most:
            await self._refused(HTTPConnection(scope), receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            part = len(message.get("body", b""))
            size += part
            self._held += part
            if size > self._most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._said)
            if self._held > self._together:
                full = "the requests under way are as large as they may be together; try again later"
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, full, {"Retry-After": "1"})
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= size

    @property
    def _said(self) -> str:
        return f"the body is larger than {self._most / 1e6:g} MB, which is the limit"

    async def _refused(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._said, code="too_large")
        await refusal.response(connection)(connection.scope, receive, send)
