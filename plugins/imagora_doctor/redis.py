"""Checks of a Redis server, where the environment names one: whether it answers, its version, and whether it is safe.

Three commands of its protocol (RESP) are all that is asked, so that no client is needed for them.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from imagora.health import Check, Unhealthy, is_local

URL = "IMAGORA_REDIS_URL"
"""The environment variable with the server's address: redis://[[user]:password@]host[:port], or rediss:// for TLS."""
OLDEST = (6, 2)
_SECONDS, _MOST_BYTES = 5.0, 100_000


def checks() -> Iterator[Check]:
    """Give the checks of the server that the environment names; none where it names none."""
    url = os.environ.get(URL, "")
    if url:
        yield Check("server", lambda: _version(url))
        yield Check("access", lambda: _access(url), needs=("server",))


def _version(url: str) -> str:
    said = _asked(url, "INFO", "server")
    if said.startswith("-"):
        fix = f"put the password into {URL}: redis://:PASSWORD@HOST:PORT"
        raise Unhealthy(f"Redis at '{_place(url)}' refuses: {said[1:].splitlines()[0]}", fix)
    facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    version = facts.get("redis_version", "")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if not numbers:
        raise Unhealthy(f"what answers at '{_place(url)}' is no Redis", f"correct {URL}")
    if numbers < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Unhealthy(f"Redis at '{_place(url)}' is {version}", f"use Redis {needed} or newer")
    return f"Redis {version} at '{_place(url)}'"


def _access(url: str) -> str:
    if is_local(url):
        return "on this machine alone"
    if not urlsplit(url).password:
        fix = "set 'requirepass' or ACLs in its configuration, and put the password into the address"
        raise Unhealthy(f"Redis at '{_place(url)}' can be used by whoever reaches it", fix)
    return "asks for a password"


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}"


def _asked(url: str, *command: str) -> str:
    """Send a command, after the password if there is one; give the first line of a refusal, or the text."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 6379), _SECONDS) as plain:
            sock = plain
            if parts.scheme == "rediss":
                sock = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
            file = sock.makefile("rb")
            if parts.password:
                user = [unquote(parts.username)] if parts.username else []
                sock.sendall(_framed("AUTH", *user, unquote(parts.password)))
                if (refused := file.readline(_MOST_BYTES)).startswith(b"-"):
                    return refused.decode(errors="replace")
            sock.sendall(_framed(*command))
            first = file.readline(_MOST_BYTES)
            size = first[1:].strip()
            if not first.startswith(b"$") or not size.isdigit():
                return first.decode(errors="replace")
            return file.read(min(int(size), _MOST_BYTES)).decode(errors="replace")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unhealthy(f"no Redis answers at '{_place(url)}': {why}", f"start it, or correct {URL}") from None


def _framed(*words: str) -> bytes:
    said = [word.encode() for word in words]
    return b"*%d\r\n" % len(said) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in said)
