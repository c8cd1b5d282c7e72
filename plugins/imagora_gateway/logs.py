"""JSON logs, a line an event: with the request's id, the trace's and the tenant; never what was asked or answered."""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from imagora import tracing
from imagora.tracing import TraceParent
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from .metrics import Metrics

Event: TypeAlias = MutableMapping[str, Any]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECRETS = re.compile(r"(?i)\b(bearer\s+|sk-|imk_|eyJ)[\w.~+/=-]{6,}")
_NAMED_SECRET = re.compile(r"(?i)authorization|api_?key|password|secret|token|cookie")
_GIVEN_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
ROUTE = "imagora.route"
"""The key of a scope under which another app stands as a route of ours."""
MOST = 2_000
"""Characters of one value."""


def log() -> Any:
    """Give the log."""
    return structlog.get_logger("imagora.gateway")


def configure(level: int = logging.INFO) -> None:
    """Let the log write JSON to stderr; what other packages log goes through the same road."""
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_where),
        _harmless,
    ]
    render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    lines = logging.StreamHandler()
    wrapped: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
    lines.setFormatter(structlog.stdlib.ProcessorFormatter(processors=wrapped, foreign_pre_chain=chain))
    root = logging.getLogger()
    root.handlers, root.level = [lines], level
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses whole


def _where(exc_info: Any) -> list[str]:
    """Give where an exception was raised, and its kind; its words and its variables may be what was asked."""
    kind, _, trace = exc_info
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    return [*places[-20:], kind.__name__]


def _harmless(_logger: Any, _name: str, event: Event) -> Event:
    return {name: _cleaned(name, value) for name, value in event.items()}


def _cleaned(name: str, value: Any) -> Any:
    if _NAMED_SECRET.fullmatch(name):
        return "…"
    if isinstance(value, str):
        return _SECRETS.sub("…", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value[:MOST]))
    if isinstance(value, dict):
        return {str(key): _cleaned(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(name, part) for part in value]
    return value


def request_id(connection: HTTPConnection) -> str:
    """Give the id of a request: what the caller sent as X-Request-Id where that is harmless, else one of our own."""
    return str(connection.scope.get("state", {}).get("request_id", ""))


def trace_id(connection: HTTPConnection) -> str:
    """Give the id of the trace that a request belongs to: what its traceparent says, else one of our own."""
    return str(connection.scope.get("state", {}).get("trace", ""))


class RequestLog:
    """Gives every request its id, in the response too, and logs its end; plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = HTTPConnection(scope).headers.get("x-request-id", "")
        id_ = given if _GIVEN_ID.fullmatch(given) and not _SECRETS.search(given) else uuid.uuid4().hex
        belongs = TraceParent.of(HTTPConnection(scope).headers.get("traceparent", "")) or TraceParent(uuid.uuid4().hex)
        scope.setdefault("state", {}).update(request_id=id_, trace=belongs.trace)
        status, started = 0, time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_.encode())]
                given = scope["state"].get("headers", {})
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in given.items()]
            await send(message)

        tracing.request.set(belongs)
        with structlog.contextvars.bound_contextvars(request=id_, trace=belongs.trace):
            try:
                await self._app(scope, receive, sent)
            finally:
                route = str(scope.get(ROUTE) or getattr(scope.get("route"), "path", ""))
                seconds = round(time.perf_counter() - started, 4)
                tenant = getattr(scope["state"].get("caller"), "tenant", "")
                self._metrics.request(scope["method"], route, status)
                log().info(
                    "request", method=scope["method"], route=route, status=status, seconds=seconds, tenant=tenant
                )
