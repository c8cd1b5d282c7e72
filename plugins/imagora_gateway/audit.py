"""What is written down of every answer, for those who must show later who was told what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imagora import Answer, Found, Query

from .caller import Caller
from .settings import Settings


@dataclass(frozen=True)
class Given:
    """One answer, or what a search found, and to whom it was given; door: the route."""

    request: str
    door: str
    caller: Caller
    recipe: str
    recipe_hash: str
    query: Query
    result: Answer | Found


class Audit(Protocol):
    """Hears of everything that was given, before it is sent."""

    async def given(self, what: Given) -> None: ...


class NoAudit:
    """Writes nothing."""

    async def given(self, what: Given) -> None:
        """Do nothing."""


def audit_of(settings: Settings) -> Audit:
    """Give the audit that the settings ask for."""
    return NoAudit()
