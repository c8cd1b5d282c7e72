"""Requests that somebody else's page lets a browser make: told from our own by where they come from, and by a token."""

from __future__ import annotations

import hmac
import time
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from imagora_gateway.caller import NOBODY, Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import gateway_of

LASTS = 12 * 3600
"""How long a form can be sent after its page was loaded, in seconds."""
FIELD, HEADER = "token", "x-imagora-token"


def token_of(connection: HTTPConnection) -> str:
    """Give the token that this caller's forms must have, made now."""
    return _token(connection, int(time.time()))


def refuse_forged(connection: HTTPConnection, said: str) -> None:
    """Raise a Refusal (403) where a request with a browser's own credentials is none of a form of ours.

    Whoever shows a key in a header is let through: no other page can make a browser send that.
    """
    if "authorization" in connection.headers:
        return
    when = said.partition(".")[0]
    fresh = when.isdecimal() and len(when) <= len(str(2**40)) and 0 <= time.time() - int(when) <= LASTS
    if not (_is_from_here(connection) and fresh and hmac.compare_digest(said, _token(connection, int(when)))):
        raise Refusal(403, "the form is too old, or not of this page", code="forged")


def _is_from_here(connection: HTTPConnection) -> bool:
    if connection.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def _token(connection: HTTPConnection, when: int) -> str:
    who: Caller = getattr(connection.state, "caller", NOBODY)
    whose = "\0".join((str(when), who.tenant, who.id, str(getattr(connection.state, "session", ""))))
    key = gateway_of(connection).thumbnails.signer.key
    return f"{when}.{hmac.digest(key, f'form of the page: {whose}'.encode(), 'sha256').hex()}"
