"""A request for every route that OpenAPI and the table of policies know, such as a caller would send."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

import httpx
from fastapi import FastAPI
from imagora_gateway.policy import POLICY

Route: TypeAlias = tuple[str, str]
Ask: TypeAlias = Callable[..., httpx.Response]
NOWHERE = str(uuid.UUID(int=0))
_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


def routes_to_ask(app: FastAPI) -> list[Route]:
    """Give what OpenAPI describes, and what only the table speaks of."""
    described = [(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods]
    return [*described, *(route for route in POLICY if route not in described)]


def tool(client: httpx.Client, name: str, **arguments: Any) -> httpx.Response:
    """Call a tool over MCP."""
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    return client.post("/mcp", json=said, headers=_MCP)


def _post(path: str, **fixed: Any) -> Ask:
    return lambda client, **asked: client.post(path, json={**fixed, **asked})


def _item(method: str, **more: Any) -> Ask:
    def ask(client: httpx.Client, recipe: str = "toys", id: str = NOWHERE, **_: Any) -> httpx.Response:  # noqa: A002 - as the route has it
        return client.request(method, f"/v1/items/{recipe}/{id}", **more)

    return ask


def chat(
    client: httpx.Client, recipe: str = "toys", words: str = "rose", stream: bool = False, **_: Any
) -> httpx.Response:
    """Ask a model."""
    said = {"model": recipe, "messages": [{"role": "user", "content": words}], "stream": stream}
    return client.post("/v1/chat/completions", json=said)


def _form(path: str, **fixed: Any) -> Ask:
    return lambda client, **asked: client.post(path, data={**fixed, **asked})


ASKS: dict[Route, Ask] = {
    ("GET", "/page/filters"): lambda client, recipe="toys", **_: client.get("/page/filters", params={"recipe": recipe}),
    ("POST", "/page/ask"): _form("/page/ask", recipe="toys", words="rose"),
    ("POST", "/page/sign-in"): _form("/page/sign-in", key="none"),
    ("POST", "/page/opinion"): _form("/page/opinion", request="none", rating="up"),
    ("GET", "/page/assets/{name}"): lambda client, name="page.css", **_: client.get(f"/page/assets/{name}"),
    ("GET", "/v1/models/{model}"): lambda client, recipe="toys", **_: client.get(f"/v1/models/{recipe}"),
    ("POST", "/v1/chat/completions"): chat,
    ("POST", "/v1/search"): _post("/v1/search", recipe="toys", words="rose"),
    ("POST", "/v1/ask"): _post("/v1/ask", recipe="toys", words="rose"),
    ("GET", "/v1/thumbnails/{token}"): lambda client, token="none", **_: client.get(f"/v1/thumbnails/{token}"),
    ("POST", "/v1/feedback"): _post("/v1/feedback", request="none", rating="up"),
    ("POST", "/v1/items"): _post("/v1/items", recipe="toys", uri="new", text="new"),
    ("GET", "/v1/items/{recipe}/{id}"): _item("GET"),
    ("PATCH", "/v1/items/{recipe}/{id}"): _item("PATCH", json={"metadata": {"price": 1}}),
    ("DELETE", "/v1/items/{recipe}/{id}"): _item("DELETE"),
    ("ANY", "/mcp"): lambda client, **asked: tool(client, "search", **{"words": "rose", **asked}),
}
"""How to ask the routes that want more than their address."""


def ask(client: httpx.Client, route: Route, **asked: Any) -> httpx.Response:
    """Ask a route, with what it is asked for where that matters."""
    method, path = route
    if route in ASKS:
        return ASKS[route](client, **asked)
    return client.request(method, re.sub(r"\{\w+\}", "none", path))
