"""Who calls, found out: the doorkeeper that a gateway's settings ask for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from imagora.errors import ImagoraError
from starlette.requests import HTTPConnection

from imagora_gateway.access import HERE
from imagora_gateway.caller import LOOPBACK, Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.keys import Key, KeyFile
from imagora_gateway.logs import log
from imagora_gateway.settings import Settings

from .rates import Rates
from .sessions import Sessions, counts, is_thumbnail, name_of
from .tokens import Tokens

T = TypeVar("T")
_UNKNOWN = "this needs a key or a token that is valid; send it as Authorization: Bearer …"


class Doorkeeper(Protocol):
    """Finds out who calls."""

    @property
    def knows_callers(self) -> bool:
        """Whether callers must say who they are; without it, a gateway listens to its own machine only."""

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Give who calls; raise a Refusal (401, or 429 with Retry-After) where that is nobody, or too often."""


class OpenHouse:
    """Takes everybody for someone on this machine, which is who can reach a gateway on a loopback address.

    A page from elsewhere in a browser on this machine can reach it too: by its own name, which it lets mean this
    machine, or by a request that it sends without reading the answer. Their `Host` or `Origin` gives them away.
    """

    knows_callers = False

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Give the caller on this machine."""
        for header in ("host", "origin"):
            said = connection.headers.get(header)
            if said is not None and _host_of(said) not in HERE:
                what = f"without keys, this gateway answers its own machine only, and the {header} is another"
                raise Refusal(403, what, code="foreign_host")
        return LOOPBACK


def _host_of(said: str) -> str | None:
    try:
        return urlsplit(said if "://" in said else f"//{said}").hostname
    except ValueError:
        return None


class Doorman:
    """Lets in who shows a valid key or token, as often as they may."""

    knows_callers = True

    def __init__(self, keys: KeyFile, tokens: Tokens, rates: Rates, sessions: Sessions) -> None:
        self._keys, self._tokens, self._rates, self.sessions = keys, tokens, rates, sessions
        # Of its own: who calls must be known at once, also while stages that answer have all other threads.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="imagora-keys")

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Give whose key or token it is. Why one is not valid is not said: an expired one looks like a made-up one."""
        found = await self.known(await self._shown(connection))
        if found is None:
            raise Refusal(401, _UNKNOWN, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        if not is_thumbnail(str(connection.scope.get("path", ""))):  # a page of passages has dozens
            connection.state.headers = await self._rates.count(found)
        return found

    async def _shown(self, connection: HTTPConnection) -> str:
        """Give what a caller shows in a header; on the page, what they signed in with."""
        cookie = connection.cookies.get(name_of(connection), "")
        if "authorization" in connection.headers or not cookie or not counts(connection):
            return _shown(connection)
        connection.state.session = cookie
        return await self._kept(self.sessions.find, cookie)

    async def begin(self, shown: str) -> str:
        """Sign somebody in who showed what is valid, and give their cookie."""
        return await self._kept(self.sessions.begin, shown)

    async def end(self, cookie: str) -> None:
        """Sign somebody out."""
        await self._kept(self.sessions.end, cookie)

    async def _kept(self, do: Callable[[str], T], what: str) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, do, what)
        except (sqlite3.Error, OSError) as error:
            log().error("the sessions cannot be kept", error=type(error).__name__)
            said = "who is signed in cannot be looked up at present; try again later"
            raise Refusal(503, said, code="sessions_unreadable", headers={"Retry-After": "5"}) from None

    async def known(self, shown: str) -> Caller | None:
        """Give whose key or token something is, None where it is no valid one."""
        if not shown.startswith("imk_"):
            return await self._tokens.caller(shown) if shown else None
        try:
            key = await asyncio.get_running_loop().run_in_executor(self._threads, self._keys.find, shown)
        except (ImagoraError, OSError) as error:
            if not self._keys.is_there():
                return None
            log().error("the keys cannot be read", error=str(error))
            said = "the keys cannot be read at present; try again later"
            raise Refusal(503, said, code="keys_unreadable", headers={"Retry-After": "5"}) from None
        return caller_of(key) if key is not None and key.state() == "valid" else None


def _shown(connection: HTTPConnection) -> str:
    """Give what a caller shows: one `Authorization: Bearer`, and nothing else that could be meant."""
    said = connection.headers.getlist("authorization")
    scheme, _, shown = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return shown.strip() if scheme.lower() == "bearer" else ""


def caller_of(key: Key) -> Caller:
    """Give the caller that a key stands for."""
    return Caller(
        id=f"key:{key.name}",
        tenant=key.tenant,
        groups=key.groups,
        roles=frozenset(key.roles),
        recipes=None if key.recipes is None else frozenset(key.recipes),
        rates=key.rates,
        concurrent=key.concurrent,
    )


def key_file(settings: Settings) -> Path:
    """Say where a gateway's keys are."""
    return settings.access.keys or settings.folder / "keys.sqlite"


def doorkeeper_of(settings: Settings) -> Doorkeeper:
    """Give the doorkeeper that the settings ask for: one for keys and tokens, where there are any."""
    keys, access = KeyFile(key_file(settings)), settings.access
    if not access.issuers and access.keys is None and not keys.is_there():
        return OpenHouse()
    sessions = Sessions(settings.folder / "sessions.sqlite", access.session)
    return Doorman(keys, Tokens(access.issuers), Rates(access), sessions)
