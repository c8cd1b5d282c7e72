"""What all doors of one gateway share, and how a door gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from .audit import Audit
from .auth import Doorkeeper
from .recipes import ServedRecipes
from .settings import Settings


@dataclass
class Gateway:
    """What all doors share."""

    settings: Settings
    recipes: ServedRecipes
    doorkeeper: Doorkeeper
    audit: Audit


def gateway_of(connection: HTTPConnection) -> Gateway:
    """Give the gateway that a request came to."""
    return cast("Gateway", connection.app.state.gateway)
