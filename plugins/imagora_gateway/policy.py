"""Who may use which route: one table, looked at before any door opens; what is not in it is open to nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from fastapi import FastAPI, Request
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount

from .access import Role
from .caller import NOBODY, Caller
from .errors import Refusal
from .gateway import gateway_of
from .logs import ROUTE

PUBLIC: Final = None
"""The policy of a route that needs no caller."""
Allowed: TypeAlias = frozenset[Role] | None
_READ: Allowed = frozenset({"viewer", "editor", "evaluator", "admin"})
_RUN: Allowed = frozenset({"admin"})
_WRITE: Allowed = frozenset({"editor", "admin"})

POLICY: dict[tuple[str, str], Allowed] = {
    ("GET", "/health"): PUBLIC,
    ("GET", "/ready"): PUBLIC,
    ("GET", "/"): _READ,
    ("GET", "/page/filters"): _READ,
    ("POST", "/page/ask"): _READ,
    ("POST", "/page/opinion"): _READ,
    ("GET", "/page/recipes/{recipe}"): _READ,
    ("GET", "/page/recipes/{recipe}/drawing.svg"): _READ,
    ("POST", "/page/sign-in"): PUBLIC,
    ("POST", "/page/sign-out"): _READ,
    ("GET", "/page/assets/{name}"): PUBLIC,
    ("GET", "/metrics"): _RUN,
    ("POST", "/admin/reload"): _RUN,
    ("ANY", "/mcp"): _READ,
    ("GET", "/openapi.json"): _READ,
    ("GET", "/v1/models"): _READ,
    ("GET", "/v1/models/{model}"): _READ,
    ("POST", "/v1/chat/completions"): _READ,
    ("POST", "/v1/search"): _READ,
    ("POST", "/v1/ask"): _READ,
    ("GET", "/v1/thumbnails/{token}"): _READ,
    ("POST", "/v1/feedback"): _READ,
    ("POST", "/v1/items"): _WRITE,
    ("GET", "/v1/items/{recipe}/{id}"): _READ,
    ("PATCH", "/v1/items/{recipe}/{id}"): _WRITE,
    ("DELETE", "/v1/items/{recipe}/{id}"): _WRITE,
}
"""Method and path, as the route has them, to the roles of which a caller needs one."""


async def allow(request: Request) -> None:
    """Find out who calls and let them through where the table does; stands before every route of the app."""
    route = request.scope.get("route")
    await admit(request, (request.method, getattr(route, "path", request.url.path)))


async def admit(connection: HTTPConnection, what: tuple[str, str]) -> Caller:
    """Give who calls, where one of their roles is in the table's line; raise a Refusal where none is."""
    if what not in POLICY:
        raise Refusal(403, "no policy says who may use this route", code="no_policy")
    roles = POLICY[what]
    if roles is PUBLIC:
        found = NOBODY
    else:
        found = await gateway_of(connection).doorkeeper.authenticate(connection)
        if not found.roles & roles:
            needed = " or ".join(sorted(roles))
            raise Refusal(403, f"this needs the role {needed}", code="insufficient_role", kind="permission_error")
    connection.state.caller = found
    return found


def without_policy(app: FastAPI) -> list[tuple[str, str]]:
    """Give the routes of an app that no line of the table speaks of."""
    return [what for what in routes_of(app.routes) if what not in POLICY]


def routes_of(routes: list[BaseRoute], prefix: str = "") -> list[tuple[str, str]]:
    """Give method and path of every route, those of mounted apps as MOUNT and the path where they are."""
    found: list[tuple[str, str]] = []
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        included = getattr(route, "original_router", None)  # newer FastAPIs keep an included router whole
        if included is not None:
            found += routes_of(included.routes, prefix)
        elif isinstance(route, Mount):
            found.append(("MOUNT", path))
        else:
            methods = getattr(route, "methods", None) or {"ANY"}
            found += [(method, path) for method in sorted(methods) if method != "HEAD"]
    return found


class Guarded:
    """Stands before another app, which no dependency of ours does; what: its line in the table."""

    def __init__(self, app: Callable[..., Awaitable[None]], what: tuple[str, str]) -> None:
        self._app, self._what = app, what

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request through, or answer with the refusal."""
        scope[ROUTE] = self._what[1]
        connection = HTTPConnection(scope)
        try:
            await admit(connection, self._what)
        except Refusal as refusal:
            await refusal.response(connection)(scope, receive, send)
            return
        await self._app({**scope}, receive, send)  # the other app puts itself into its scope
