"""Pictures from the web, for callers: public addresses only, little time, a bounded size, and nothing told of why not.

A name is resolved once, by us; the connection goes to what was looked at, so that a name that means something else a
moment later gains nothing. A redirect takes the same road again.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias
from urllib.parse import urljoin

import httpcore
import imagora

from .access import Fetching
from .errors import Refusal
from .logs import log
from .web_addresses import WebAddress, is_public, refused, web_address_of

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOUND = 200
_KINDS = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/avif"})
_FAILURES = (
    *(OSError, TimeoutError, UnicodeError),
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
)
_RESOLVING = ThreadPoolExecutor(8, thread_name_prefix="imagora-resolve")
"""Threads of their own: a name that a server answers slowly must not hold up what else waits for a thread."""
_NOTHING = "nothing that is a picture could be had from there"


class Unusable(Exception):
    """There is no picture to be had, and why: for the log, since whoever asks must not map a network by the answers."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name."""
    ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVING, ask)
    return [str(place[4][0]) for place in found]


class WebFetcher:
    """Fetches pictures for callers, so many at once."""

    def __init__(self, settings: Fetching, resolve: Resolve = resolved) -> None:
        self._settings, self._resolve = settings, resolve
        self._turns = asyncio.Semaphore(settings.at_once)
        self._tls = ssl.create_default_context()

    async def fetch(self, address: str) -> bytes:
        """Give the bytes of a picture; a Refusal says what is wrong with the address as written, or nothing."""
        place = web_address_of(address, self._settings)
        try:
            async with self._turns, asyncio.timeout(self._settings.seconds):
                for _ in range(self._settings.redirects + 1):
                    found = await self._asked(place)
                    if isinstance(found, bytes):
                        return found
                    place = web_address_of(
                        urljoin(f"{place.scheme}://{_authority(place)}{place.target}", found), self._settings
                    )
                raise Unusable("it leads elsewhere too often")
        except Unusable as error:
            why = str(error)
        except Refusal as error:  # of where it leads
            why = f"it leads elsewhere: {error.said}"
        except _FAILURES as error:
            why = type(error).__name__
        log().info("picture not fetched", host=place.host, why=why)
        raise refused(_NOTHING)

    async def _asked(self, place: WebAddress) -> bytes | str:
        """Give the bytes, or where the answer leads."""
        pinned = _Pinned(await self._addresses(place))
        headers = {
            "Host": _authority(place),
            "Accept": ", ".join(sorted(_KINDS)),
            "Accept-Encoding": "identity",
            "User-Agent": f"Imagora/{imagora.__version__}",
        }
        url = httpcore.URL(
            scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
        )
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=pinned, retries=0) as pool,
            pool.stream("GET", url, headers=list(headers.items())) as answer,
        ):
            said = {name.decode("latin1").lower(): value.decode("latin1") for name, value in answer.headers}
            if answer.status in _REDIRECTS and said.get("location"):
                return said["location"]
            if answer.status != _FOUND:
                raise Unusable(f"its status is {answer.status}")
            if said.get("content-type", "").partition(";")[0].strip().lower() not in _KINDS:
                raise Unusable("it is no picture")
            if said.get("content-encoding", "identity").strip().lower() != "identity":
                raise Unusable("it is compressed, which was not asked for")
            read = bytearray()
            async for part in answer.aiter_stream():
                read += part
                if len(read) > self._settings.most_bytes:
                    raise Unusable("it is too large")
            return bytes(read)

    async def _addresses(self, place: WebAddress) -> Sequence[str]:
        addresses = await self._resolve(place.host, place.port)
        if not addresses:
            raise Unusable("its name has no address")
        # All of them: a name with a public address beside one inside is nothing that anybody has by chance.
        if not place.internal and not all(map(is_public, addresses)):
            raise Unusable("its address is not public")
        return addresses


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were looked at, whatever a name means by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first."""
        return await self._network.connect_tcp(self._addresses[0], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


def _authority(place: WebAddress) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port == {"https": 443, "http": 80}[place.scheme] else f"{host}:{place.port}"
