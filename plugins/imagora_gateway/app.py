"""The app: what all doors share, the doors, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import imagora
from fastapi import Depends, FastAPI
from imagora.catalog import Catalog

from . import errors, logs, page, policy
from .audit import audit_of
from .auth import doorkeeper_of
from .doors import health, openai_chat
from .gateway import Gateway
from .load import BodyLimit, Capacity
from .pictures import Decoders
from .recipes import ServedRecipes
from .settings import Settings, settings_of_environment


def create_app(settings: Settings, catalog: Catalog | None = None) -> FastAPI:
    """Make the app; its recipes are opened when it starts, and closed when the last answer has gone."""
    gateway = Gateway(
        settings=settings,
        recipes=ServedRecipes(settings.recipes, settings.profile, catalog),
        doorkeeper=doorkeeper_of(settings),
        audit=audit_of(settings),
        capacity=Capacity(settings.bounds),
        decoders=Decoders(),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await gateway.recipes.open()
        try:
            yield
        finally:
            await gateway.recipes.close()
            gateway.decoders.close()

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
    for router in (health.router, openai_chat.router, *([page.router] if settings.page else [])):
        app.include_router(router)
    errors.install(app)
    app.add_middleware(BodyLimit, most=settings.bounds.body_bytes)
    app.add_middleware(logs.RequestLog)
    return app


def from_environment() -> FastAPI:
    """Make the app of a worker process."""
    settings = settings_of_environment()
    logs.configure()
    return create_app(settings)
