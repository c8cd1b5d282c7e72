"""The app: what all doors share, the doors, and what stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import imagora
from fastapi import Depends, FastAPI
from imagora.catalog import Catalog

from . import errors, logs, page, policy
from .audit import audit_of
from .auth import doorkeeper_of
from .doors import admin, feedback, health, items, openai_chat, own
from .feedback import Feedback
from .fetching import WebFetcher
from .gateway import Gateway
from .held import HeldItems
from .items import Items
from .load import BodyLimit, Capacity
from .metrics import Metrics
from .pictures import Decoders
from .recent import RecentAnswers
from .recipes import ServedRecipes
from .reloading import on_hangup
from .settings import Settings, settings_of_environment
from .thumbnails import Signer, Thumbnails, key_in


def create_app(settings: Settings, catalog: Catalog | None = None) -> FastAPI:
    """Make the app; its recipes are opened when it starts, and closed when the last answer has gone."""
    decoders = Decoders()
    signer = Signer(key_in(settings.folder), settings.thumbnail_seconds)
    recipes = ServedRecipes(settings.recipes, settings.profile, catalog)
    gateway = Gateway(
        settings=settings,
        recipes=recipes,
        doorkeeper=doorkeeper_of(settings),
        audit=audit_of(settings),
        capacity=Capacity(settings.bounds),
        metrics=Metrics(),
        decoders=decoders,
        thumbnails=Thumbnails(signer, decoders),
        recent=RecentAnswers(),
        feedback=Feedback(settings.folder),
        items=Items(HeldItems(settings.folder), recipes),
        fetcher=WebFetcher(settings.fetching),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await gateway.recipes.open()
        resuming = asyncio.create_task(gateway.items.resume())
        try:
            with on_hangup(gateway):
                yield
        finally:
            await asyncio.gather(resuming, return_exceptions=True)
            await gateway.recipes.close()
            gateway.decoders.close()
            gateway.items.held.close()
            gateway.feedback.close()

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
    errors.install(app)
    app.add_middleware(BodyLimit, most=settings.bounds.body_bytes)
    app.add_middleware(logs.RequestLog)
    return app


def from_environment() -> FastAPI:
    """Make the app of a worker process."""
    settings = settings_of_environment()
    logs.configure()
    return create_app(settings)
