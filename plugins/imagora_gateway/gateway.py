"""What all doors of one gateway share, and how a door gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from .audit import Audit
from .auth import Doorkeeper
from .feedback import Feedback
from .index_states import IndexStates
from .items import Items
from .load import Capacity
from .metrics import Metrics
from .pictures import Decoders, Fetcher
from .recent import RecentAnswers
from .recipes import Served, ServedRecipes
from .settings import Settings
from .thumbnails import Thumbnails


@dataclass
class Gateway:
    """What all doors share; fetcher: None where nobody asks the web."""

    settings: Settings
    recipes: ServedRecipes
    doorkeeper: Doorkeeper
    audit: Audit
    capacity: Capacity
    metrics: Metrics
    indexes: IndexStates
    decoders: Decoders
    thumbnails: Thumbnails
    recent: RecentAnswers
    items: Items
    feedback: Feedback
    fetcher: Fetcher | None = None

    def fetcher_of(self, served: Served) -> Fetcher | None:
        """Give what fetches pictures from the web for a recipe, None where it takes none from there."""
        allowed = self.recipes.pipeline(served).plan.gateway.web_pictures
        return self.fetcher if allowed and self.settings.fetching.allows(served.name) else None


def gateway_of(connection: HTTPConnection) -> Gateway:
    """Give the gateway that a request came to."""
    return cast("Gateway", connection.app.state.gateway)
