"""The way to pictures behind URLs: named hosts, public addresses, few redirects, little time, bounded size.

The host is resolved once and the connection goes to that very address, so that a name which changes its address between
the check and the connection gains nothing. Proxies of the environment are not used, and nothing secret is sent.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from time import monotonic
from urllib.parse import urljoin

from imagora.errors import PictureError

from .addresses import Target, public_addresses, shown, target_of

REDIRECTS = 3
_MOVED = (301, 302, 303, 307, 308)
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "imagora", "Connection": "close"}


@dataclass(frozen=True)
class Fetcher:
    """Fetches from URLs within limits; schemes: of "https" and "http". hosts: which may be asked."""

    schemes: tuple[str, ...]
    hosts: tuple[str, ...]
    seconds: float = 20.0
    most_bytes: int = 64_000_000
    allow_private: bool = False

    def get(self, url: str) -> bytes:
        """Give what is behind a URL; raise PictureError with the reason where it cannot be had."""
        with self._response("GET", url) as response:
            if response.status != http.client.OK:
                raise PictureError(f"{shown(url)} gives no picture: status {response.status}")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise PictureError(f"{shown(url)} is sent packed, which was not asked for")
            too_large = PictureError(f"{shown(url)} is larger than {self.most_bytes / 1e6:g} MB, which is the limit")
            if response.length is not None and response.length > self.most_bytes:
                raise too_large
            data = response.read(self.most_bytes + 1)
            if len(data) > self.most_bytes:
                raise too_large
            if response.length:
                raise PictureError(f"{shown(url)} was cut off after {len(data)} bytes")
            return data

    def version(self, url: str) -> str | None:
        """Ask for what changes with the picture, its ETag or its time; None where the server does not say."""
        with suppress(PictureError), self._response("HEAD", url) as response:
            if response.status == http.client.OK:
                said = response.headers.get("ETag") or response.headers.get("Last-Modified")
                return None if said is None else f"{url} {said[:500]}"
        return None  # why, the picture itself will say when it is fetched

    def check(self, url: str) -> None:
        """Raise PictureError for a URL that may not be fetched, without asking anybody."""
        target_of(url, self.schemes, self.hosts)

    @contextmanager
    def _response(self, method: str, url: str) -> Iterator[http.client.HTTPResponse]:
        until, asked = monotonic() + self.seconds, url
        for _ in range(REDIRECTS + 1):
            target = target_of(asked, self.schemes, self.hosts)
            addresses = public_addresses(target, allow_private=self.allow_private)
            with _asked(method, target, addresses[0], until) as response:
                if response.status not in _MOVED:
                    yield response
                    return
                asked = urljoin(asked, response.headers.get("Location", ""))
        raise PictureError(f"{shown(url)} is refused: it leads on more than {REDIRECTS} times")


@contextmanager
def _asked(method: str, target: Target, address: str, until: float) -> Iterator[http.client.HTTPResponse]:
    """Ask one server; every failure on the way, also while the answer is read, is a PictureError."""
    connection, left = _Connection(target, address), max(until - monotonic(), 0.001)
    # A server that sends a byte now and then never trips the socket's own time limit.
    clock = Timer(left, connection.hang_up)
    connection.timeout = left
    clock.start()
    where = f"'{target.scheme}://{target.host_header}{target.path.split('?')[0][:150]}'"
    try:
        connection.request(method, target.path, headers={"Host": target.host_header, **_HEADERS})
        yield connection.getresponse()
        if connection.late:
            raise TimeoutError
    except PictureError:
        if connection.late:  # what looks cut off was cut off by us
            raise PictureError(f"{where} took too long") from None
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.late or isinstance(error, TimeoutError):
            raise PictureError(f"{where} took too long") from None
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PictureError(f"{where} cannot be fetched: {' '.join(str(words).split())[:150]}") from None
    finally:
        clock.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection to one address that was chosen before, whatever the host's name says by now."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port)
        self.target, self.address, self.late = target, address, False

    def connect(self) -> None:
        sock = socket.create_connection((self.address, self.target.port), self.timeout)
        if self.target.scheme == "https":
            context = ssl.create_default_context()
            # the handshake comes after the socket is where `hang_up` finds it
            self.sock = context.wrap_socket(sock, server_hostname=self.target.host, do_handshake_on_connect=False)
            self.sock.do_handshake()
        else:
            self.sock = sock
        if self.late:  # the clock struck when there was nothing to hang up yet
            raise TimeoutError

    def hang_up(self) -> None:
        self.late = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)
