"""What all doors of one gateway share, and how a door gets at it."""

from __future__ import annotations

import gc
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
    """What all doors share; fetcher: None where nobody asks the web. alone: it has its process for itself."""

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
    alone: bool = False

    def fetcher_of(self, served: Served) -> Fetcher | None:
        """Give what fetches pictures from the web for a recipe, None where it takes none from there."""
        allowed = self.recipes.pipeline(served).plan.gateway.web_pictures
        return self.fetcher if allowed and self.settings.fetching.allows(served.name) else None

    def settle(self) -> None:
        """Tell the collector of reference cycles that what is here now is here to stay.

        Else it looks through all of it every few seconds under load: models, plugins and libraries, for a fifth of a
        second in which no stream gets a word.
        """
        if self.alone:
            gc.unfreeze()
            gc.collect()
            gc.freeze()


def gateway_of(connection: HTTPConnection) -> Gateway:
    """Give the gateway that a request came to."""
    return cast("Gateway", connection.app.state.gateway)
