"""Which URLs and which addresses may be asked: those of named hosts, and only public ones."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from imagora.errors import PictureError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Target:
    """A URL that may be fetched, in its parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """What the request calls the host: with the port where that is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def shown(url: str) -> str:
    """Give a URL without what may be secret: its query and a name and password before its host."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, _, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    return f"'{scheme}://{host.rpartition('@')[2]}{slash}{path}'"[:200]


def target_of(url: str, schemes: tuple[str, ...], hosts: tuple[str, ...]) -> Target:
    """Give the parts of a URL; raise PictureError where it is none, or none that may be fetched."""
    if len(url) > 4000 or any(letter <= " " or letter in "\x7f\\" for letter in url):  # noqa: PLR2004 - as servers take
        raise PictureError(f"the URL {shown(url)!r} has letters that no URL has, or is too long")
    try:
        parts: SplitResult = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise PictureError(f"{shown(url)} is not a URL") from None
    if parts.scheme not in schemes:
        raise PictureError(f"{shown(url)} is refused: pictures are fetched by {' or '.join(schemes)} only")
    if parts.username is not None or parts.password is not None:
        raise PictureError(f"{shown(url)} is refused: it has a name or a password in it")
    if not host or not host.isascii():
        raise PictureError(f"{shown(url)} is refused: a host is written in plain ASCII letters (xn--…)")
    port = PORTS[parts.scheme] if port is None else port
    if not any(_fits(host, port, PORTS[parts.scheme], allowed) for allowed in hosts):
        raise PictureError(f"{shown(url)} is refused: the option 'hosts' has no '{_named(host, port, parts.scheme)}'")
    path = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*") + (
        f"?{quote(parts.query, safe='/%:=&~+!$,;@()*?')}" * bool(parts.query)
    )
    return Target(parts.scheme, host, port, path)


def public_addresses(target: Target, *, allow_private: bool) -> list[str]:
    """Resolve a host and give its addresses; raise PictureError if one of them is not public."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"the host '{target.host}' cannot be found: {reason}") from None
    addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
    for address in addresses:
        if not allow_private and not is_public(address):
            raise PictureError(f"the host '{target.host}' is refused: its address {address} is not public")
    return addresses


def is_public(address: str) -> bool:
    """Say whether an address is one of the public internet, also where an older one is written inside of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # with a zone, such as fe80::1%eth0: never public
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(old is not None and not is_public(str(old)) for old in (ip.sixtofour, *(ip.teredo or ()))):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _named(host: str, port: int, scheme: str) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port == PORTS[scheme] else f"{host}:{port}"


def _fits(host: str, port: int, usual: int, allowed: str) -> bool:
    name, colon, number = allowed.rpartition(":") if not allowed.endswith("]") else (allowed, "", "")
    if not colon:
        name, number = allowed, str(usual)
    if str(port) != number.lstrip("0"):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name.strip("[]")
