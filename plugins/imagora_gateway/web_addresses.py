"""Which addresses on the web may be asked for a caller: names of the public internet, plainly written."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .access import Fetching
from .errors import Refusal

LONGEST = 2_000
"""Characters of an address."""
_PORTS = {"https": 443, "http": 80}
_ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%\[\]]+", re.ASCII)
_NAME = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_UNICAST = ipaddress.ip_network("2000::/3")
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "2001::/23",  # Teredo and other special uses: an IPv4 address inside may be anyone's
            "2002::/16",  # 6to4, as above
            "2001:db8::/32",
            "3fff::/20",
            "192.0.0.0/24",  # special uses, and one cloud's server for its machines
            "192.88.99.0/24",  # 6to4's relays
            "168.63.129.16/32",  # a public address that is Azure's own server for its machines
        ),
    )
)


@dataclass(frozen=True)
class WebAddress:
    """An address that may be asked, in its parts; internal: the settings name its origin, wherever it is."""

    scheme: str
    host: str
    port: int
    target: str
    internal: bool = False


def refused(why: str) -> Refusal:
    """Give a refusal of an address, in words for the caller."""
    return Refusal(400, f"the picture's address cannot be used: {why}", code="picture_address", param="image_url")


def web_address_of(written: str, settings: Fetching) -> WebAddress:
    """Read an address; a Refusal where it is not one that anybody would write for a picture on the public web."""
    if len(written) > LONGEST or not _ALLOWED.fullmatch(written):
        raise refused("it is too long, or has letters that no address has")
    try:
        parts: SplitResult = urlsplit(written)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise refused("it is no address") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if "@" in parts.netloc:
        raise refused("there is a name or a password in it")
    if f"{parts.scheme}://{parts.netloc}" in settings.internal:
        return WebAddress(parts.scheme, host, port, target, internal=True)
    if parts.scheme != "https":
        raise refused("it does not begin with https://")
    if port not in settings.ports:
        raise refused("its port is not one that may be asked")
    # A name whose last part begins with a letter: no number in any spelling, which a resolver may take for an address.
    if not _NAME.fullmatch(host):
        raise refused("its host is not a name of the public web in plain letters")
    return WebAddress(parts.scheme, host, port, target)


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet, and of nobody inside."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # with a zone, such as fe80::1%eth0
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _UNICAST:  # mapped, compatible, NAT64, local, multicast
        return False
    if any(ip.version == closed.version and ip in closed for closed in _CLOSED):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
