"""The app: what all doors share, the doors, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import imagora
from fastapi import Depends, FastAPI
from imagora.catalog import Catalog
from starlette.routing import Route

from . import errors, logs, page, policy
from .describing import describe
from .doors import admin, feedback, health, items, openai_chat, own
from .load import BodyLimit, Turnstile
from .making import make_gateway, opened
from .settings import Settings, settings_of_environment
from .tools import mcp_server

QUERIES = frozenset({"/v1/chat/completions", "/v1/ask", "/v1/search", "/page/ask"})
"""The routes that take a turn; MCP's tools are calls within one route, and wait for theirs there."""


def create_app(settings: Settings, catalog: Catalog | None = None, *, alone: bool = False) -> FastAPI:
    """Make the app; its recipes are opened when it starts, and closed when the last answer has gone.

    alone: there is nothing else in this process, whose garbage collector may then be told what is here to stay.
    """
    gateway = make_gateway(settings, catalog, alone=alone)
    tools = mcp_server(gateway)
    over_http = tools.streamable_http_app(
        stateless_http=True, json_response=True, max_request_body_size=settings.bounds.body_bytes, host=settings.host
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with opened(gateway), tools.session_manager.run():
            yield

    app = FastAPI(
        title="Imagora",
        version=imagora.__version__,
        lifespan=lifespan,
        dependencies=[Depends(policy.allow)],
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # it is a route with a policy like any other
    )
    app.state.gateway = gateway
    doors = (health, openai_chat, own, items, feedback, admin, *([page] if settings.page else []))
    for door in doors:
        app.include_router(door.router)
    app.router.routes.append(Route("/mcp", policy.Guarded(over_http, ("ANY", "/mcp"))))
    errors.install(app)
    if settings.page:
        page.install(app)
    describe(app)
    app.add_middleware(Turnstile, capacity=gateway.capacity, routes=QUERIES, told=gateway.metrics.turned_away)
    app.add_middleware(BodyLimit, most=settings.bounds.body_bytes, together=settings.bounds.bodies_bytes)
    app.add_middleware(logs.RequestLog, metrics=gateway.metrics)
    return app


def from_environment() -> FastAPI:
    """Make the app of a worker process."""
    settings = settings_of_environment()
    logs.configure()
    return create_app(settings, alone=True)
