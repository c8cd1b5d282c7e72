"""Who calls, found out: the doorkeeper that a gateway's settings ask for."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import HTTPConnection

from imagora_gateway.caller import LOOPBACK, Caller
from imagora_gateway.settings import Settings


class Doorkeeper(Protocol):
    """Finds out who calls."""

    @property
    def knows_callers(self) -> bool:
        """Whether callers must say who they are; without it, a gateway listens to its own machine only."""

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Give who calls; raise a Refusal (401, or 429 with Retry-After) where that is nobody, or too often."""


class OpenHouse:
    """Takes everybody for someone on this machine, which is who can reach a gateway on a loopback address."""

    knows_callers = False

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Give the caller on this machine."""
        return LOOPBACK


def doorkeeper_of(settings: Settings) -> Doorkeeper:
    """Give the doorkeeper that the settings ask for."""
    return OpenHouse()
