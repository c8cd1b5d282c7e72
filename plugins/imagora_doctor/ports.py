"""Which ports of this machine are open to others, read from what Linux says; elsewhere nothing is known of it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from imagora.health import Check, Unhealthy, is_local
from imagora_recipe.plan import Plan, Planned

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"


def checks(plan: Plan) -> Iterator[Check]:
    """Give a check for each server on this machine that a component has the `url` of, and no key for."""
    for planned in plan.components():
        url = getattr(planned.options, "url", None)
        if isinstance(url, str) and is_local(url):
            yield Check(f"port of {planned.where}", lambda planned=planned, url=url: _port(planned, url))  # type: ignore[misc]  # as mypy has it


def _port(planned: Planned, url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = [at for at, open_port in listening("".join(map(_text, TABLES))) if open_port == port]
    public = [address for address in addresses if not address.is_loopback]
    if public and getattr(planned.options, "api_key", None) is None:
        what = f"port {port} listens on {public[0]}, so that others reach it, and there is no key"
        raise Unhealthy(what, "let the server listen on 127.0.0.1, or start it with a key and give 'api_key'")
    return f"{port} is open to this machine alone" if addresses and not public else f"{port}"


def listening(tables: str) -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    """Give the addresses and ports that are listened on, from the text of Linux's tables of TCP sockets."""
    for line in tables.splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == _LISTENS:  # noqa: PLR2004 - the column of the state
            address, _, port = words[1].partition(":")
            # Four bytes each in this machine's order, whatever the length of the whole.
            raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
            version = socket.AF_INET if len(raw) == 4 else socket.AF_INET6  # noqa: PLR2004 - bytes of an address
            found = ipaddress.ip_address(socket.inet_ntop(version, raw))
            mapped = getattr(found, "ipv4_mapped", None)
            yield mapped or found, int(port, 16)


def _text(table: Path) -> str:
    try:
        return table.read_text()
    except OSError:  # not Linux, or a container without it
        return ""
