"""Templates, and the headers that all of the page comes with."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse
from starlette.requests import HTTPConnection

from imagora_gateway.caller import NOBODY, Caller
from imagora_gateway.gateway import gateway_of

from .assets import versioned
from .forgery import token_of

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",  # blob: what somebody chose and has not sent yet
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide the origin of forms from us, too
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("imagora_gateway.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["versioned"] = versioned
    made.filters["ms"] = _ms
    return made


def root_of(connection: HTTPConnection) -> str:
    """Give what stands before every path of ours, where the gateway is served below another's."""
    return str(connection.scope.get("root_path", "")).rstrip("/")


def rendered(template: str, connection: HTTPConnection, **shown: Any) -> str:
    """Give a template's text; everything that is put in is escaped."""
    return _templates().get_template(template).render(root=root_of(connection), **shown)


def page(
    template: str, connection: HTTPConnection, status: int = 200, headers: dict[str, str] | None = None, **shown: Any
) -> HTMLResponse:
    """Give a whole page."""
    who: Caller = getattr(connection.state, "caller", NOBODY)
    knows = gateway_of(connection).doorkeeper.knows_callers
    text = rendered(
        template, connection, caller=who if knows and who is not NOBODY else None, csrf=token_of(connection), **shown
    )
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})


def fragment(template: str, connection: HTTPConnection, status: int = 200, **shown: Any) -> HTMLResponse:
    """Give a piece of a page, which scripts of ours put in its place."""
    return HTMLResponse(rendered(template, connection, **shown), status, HEADERS)


def is_scripted(connection: HTTPConnection) -> bool:
    """Say whether a script of the page asks, which wants a piece of it; a browser itself wants a whole page."""
    return "hx-request" in connection.headers


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1000
    if milliseconds >= 999.5:  # noqa: PLR2004 - rounds to a second
        return f"{seconds:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"  # noqa: PLR2004 - two digits
