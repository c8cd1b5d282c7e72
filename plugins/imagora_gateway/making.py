"""A gateway out of its settings, opened and closed: what the app and the MCP command have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from imagora.catalog import Catalog

from .audit import audit_of
from .auth import doorkeeper_of
from .feedback import Feedback
from .fetching import WebFetcher
from .gateway import Gateway
from .held import HeldItems
from .index_states import IndexStates
from .items import Items
from .load import Capacity
from .metrics import Metrics
from .pictures import Decoders
from .recent import RecentAnswers
from .recipes import ServedRecipes
from .reloading import on_hangup
from .settings import Settings
from .thumbnails import Signer, Thumbnails, key_in


def make_gateway(settings: Settings, catalog: Catalog | None = None, *, alone: bool = False) -> Gateway:
    """Make it; nothing is opened. alone: it has its process for itself."""
    bounds = settings.bounds
    decoders = Decoders(waiting=bounds.pictures_waiting, patience=bounds.patience)
    signer = Signer(key_in(settings.folder), settings.thumbnail_seconds)
    recipes = ServedRecipes(settings.recipes, settings.profile, catalog)
    metrics = Metrics()
    metrics.bounds(bounds.concurrent, bounds.waiting)
    metrics.load(0, 0)
    return Gateway(
        settings=settings,
        recipes=recipes,
        doorkeeper=doorkeeper_of(settings),
        audit=audit_of(settings),
        capacity=Capacity(bounds, metrics.load),
        metrics=metrics,
        indexes=IndexStates(recipes),
        decoders=decoders,
        thumbnails=Thumbnails(signer, decoders),
        recent=RecentAnswers(),
        feedback=Feedback(settings.folder),
        items=Items(HeldItems(settings.folder), recipes),
        fetcher=WebFetcher(settings.fetching),
        alone=alone,
    )


@asynccontextmanager
async def opened(gateway: Gateway) -> AsyncGenerator[None]:
    """Open its recipes, and go on with what was accepted before; close all of it in the end."""
    await gateway.recipes.open()
    gateway.settle()
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
