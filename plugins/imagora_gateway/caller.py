"""Who calls: what a door knows of the one that it opens to, and what the index is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias, cast

from fastapi import Depends, Request
from imagora import Principal

from .access import ROLES, Role


@dataclass(frozen=True)
class Caller:
    """Who calls.

    id: names them in records, never a secret. recipes: the names that they may use, None for all. scopes: what their
    token says besides. roles: see `policy`. rates, concurrent: how often they may ask, and how many queries they may
    have under way; () and None for what holds for all.
    """

    id: str
    tenant: str = ""
    groups: tuple[str, ...] = ()
    roles: frozenset[Role] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    recipes: frozenset[str] | None = None
    rates: tuple[str, ...] = ()
    concurrent: int | None = None

    @property
    def principal(self) -> Principal:
        """Give what the index is told."""
        return Principal(tenant=self.tenant, groups=self.groups, user=self.id)

    def may_use(self, recipe: str) -> bool:
        """Say whether a recipe is there for them."""
        return self.recipes is None or recipe in self.recipes


LOOPBACK = Caller("loopback", roles=ROLES)
"""Whoever is on this machine, where the gateway listens to nobody else and no authentication is configured."""
NOBODY = Caller("nobody")
"""Who calls a public route without saying who they are."""


def caller(request: Request) -> Caller:
    """Give who calls; `policy.allow` found it out before any door opened."""
    return cast("Caller", request.state.caller)


Calling: TypeAlias = Annotated[Caller, Depends(caller)]
