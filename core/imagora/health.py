"""What a component says of its health: checks that `imagora doctor` runs, and what they need to ask a server.

A component gives them with `Component(checks=…)`, a function of its options; nothing is built for them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import ImagoraError

_MOST_BYTES = 1_000_000


class Unhealthy(ImagoraError):
    """A check failed; `fix` says what to do or to type."""

    code = "IMG-806"

    def __init__(self, what: str, fix: str, code: str | None = None) -> None:
        super().__init__(what, code=code)
        self.fix = fix


@dataclass(frozen=True)
class Check:
    """One thing that must be in order: `run` gives what it found, in a few words, or raises Unhealthy.

    needs: names of checks that must be fine before; where one of them is not, this one is skipped.
    """

    name: str
    run: Callable[[], str]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What a server answered: status, headers with lower-case names, and the first megabyte of its body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Give the body read as JSON, None where it is none."""
        import json

        try:
            return json.loads(self.body)
        except ValueError:
            return None


def ask(url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, seconds: float = 5) -> Reply:
    """Send one request, a POST where it has a body; no proxy is used and no redirect followed.

    Raises Unhealthy where nobody answers.
    """
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET" if body is None else "POST", parts.path or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        said = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, said, answer.read(_MOST_BYTES))
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        where = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        raise Unhealthy(f"nobody answers at '{where}': {why}", "start it, or correct the 'url' in the recipe") from None
    finally:
        connection.close()


def is_local(url: str) -> bool:
    """Say whether an address leads to this machine alone, so that nobody else can listen."""
    host = urlsplit(url).hostname or ""
    try:
        found = {str(where[4][0]) for where in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def check_key_is_safe(url: str, *, has_key: bool) -> str:
    """Give how a server is reached; raise Unhealthy where a key would travel in the clear."""
    if is_local(url):
        return "on this machine"
    if has_key and urlsplit(url).scheme != "https":
        raise Unhealthy("its key travels over http, where anyone on the way can read it", "use an https 'url'")
    return "with a key" if has_key else "without a key"
