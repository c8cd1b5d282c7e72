"""The recipes that a gateway serves, by `name` and `name@hash`; a router holds their pipelines."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imagora import Pipeline, Query, Router, RouterPlan
from imagora.catalog import Catalog
from imagora.errors import ImagoraError, QueryError, did_you_mean
from imagora_recipe.check import check
from imagora_recipe.plan import Plan

from .caller import Caller
from .errors import Refusal
from .logs import log

_ALIAS = re.compile(r"(?P<name>[\w.-]{1,64})=(?P<recipe>.+)", re.ASCII)
PROBE = "a photo"
"""What a recipe is asked when it is opened, so that its models are loaded before somebody waits for them."""


@dataclass(frozen=True)
class Served:
    """A recipe as callers see it; because: why it cannot answer at present, "" where it can."""

    name: str
    hash: str
    since: int
    because: str = ""

    @property
    def id(self) -> str:
        """Give its name with its hash."""
        return f"{self.name}@{self.hash}"


def checked(recipes: Sequence[str], profile: str | None, catalog: Catalog | None = None) -> dict[str, Plan]:
    """Check recipes, each a name or a file, or NAME=FILE, and give their plans by name; raise what is wrong."""
    named: dict[str, Plan] = {}
    with profiled(profile):
        for recipe in recipes:
            alias = None if Path(recipe).exists() else _ALIAS.fullmatch(recipe)
            plan = check(alias["recipe"] if alias else recipe, catalog)
            name = alias["name"] if alias else plan.name
            if named.setdefault(name, plan).file != plan.file:
                what = f"two recipes are called '{name}': '{named[name].file}' and '{plan.file}'"
                raise QueryError(f"{what}; give one another name: NAME={plan.file}")
    return named


@contextmanager
def profiled(profile: str | None) -> Iterator[None]:
    """Let recipes be read with a profile, as IMAGORA_PROFILE does."""
    before = os.environ.get("IMAGORA_PROFILE")
    if profile is not None:
        os.environ["IMAGORA_PROFILE"] = profile
    try:
        yield
    finally:
        if profile is not None:
            os.environ.pop("IMAGORA_PROFILE")
            if before is not None:
                os.environ["IMAGORA_PROFILE"] = before


class ServedRecipes:
    """Opens the recipes, says which there are, and exchanges them while they answer."""

    def __init__(self, recipes: Sequence[str], profile: str | None = None, catalog: Catalog | None = None) -> None:
        self._recipes, self._profile, self._catalog = tuple(recipes), profile, catalog
        self._router: Router | None = None
        self._because: dict[str, str] = {}
        self._since: dict[str, int] = {}

    @property
    def router(self) -> Router:
        """The router; a Refusal where the gateway is not open yet, or not any more."""
        if self._router is None:
            raise Refusal(503, "the recipes are not open yet", code="not_ready", headers={"Retry-After": "1"})
        return self._router

    async def open(self) -> None:
        """Build the pipelines and open their indexes; an index that is not there yet leaves its recipe for later."""
        self._router = await asyncio.to_thread(self._built)
        for name in self._router.recipes():
            self._since[name] = int(time.time())
            await self._try(name)

    def _built(self) -> Router:
        plans = checked(self._recipes, self._profile, self._catalog)
        with profiled(self._profile):
            plan = RouterPlan.model_validate({"recipes": {name: str(one.file) for name, one in plans.items()}})
            return Router(plan, self._catalog)

    async def _try(self, name: str) -> None:
        try:
            pipeline = self.router.pipeline(name)
            await pipeline.ready()
            await _probe(pipeline)
            self._because.pop(name, None)
        except ImagoraError as error:
            self._because[name] = str(error)
            log().warning("recipe cannot answer", recipe=name, code=error.code, error=str(error))

    async def close(self) -> None:
        """Close every pipeline, once its last query has ended."""
        router, self._router = self._router, None
        if router is not None:
            await asyncio.to_thread(router.close)

    async def reload(self, name: str | None = None) -> list[Served]:
        """Read recipes again while they answer; a new one that is wrong raises its error, and the old one stays."""
        with profiled(self._profile):
            await self.router.areload(name)
        for one in [name] if name else self.router.recipes():
            self._since[one] = int(time.time())
            await self._try(one)
        return self.all()

    def all(self) -> list[Served]:
        """Give every recipe."""
        return [self._served(name) for name in self.router.recipes()]

    async def health(self) -> list[Served]:
        """Give every recipe, after another look at those that could not answer."""
        for name in list(self._because):
            await self._try(name)
        return self.all()

    def visible(self, caller: Caller) -> list[Served]:
        """Give the recipes that a caller may use."""
        return [served for served in self.all() if caller.may_use(served.name)]

    def find(self, model: str, caller: Caller) -> Served:
        """Give the recipe that a caller means by `name` or `name@hash`; what they may not use looks like nothing."""
        there = self.visible(caller)
        for served in there:
            if model in (served.name, served.id):
                return served
        names = [served.name for served in there]
        known = next((served for served in there if served.name == model.partition("@")[0]), None)
        hint = f"; '{known.name}' is now '{known.id}'" if known else did_you_mean(model[:100], names)
        said = f"there is no model '{model[:100]}'{hint}"
        raise Refusal(404, said, code="model_not_found", kind="invalid_request_error", param="model")

    def pipeline(self, served: Served) -> Pipeline:
        """Give the pipeline that answers a recipe's next query."""
        return self.router.pipeline(served.name)

    def _served(self, name: str) -> Served:
        plan, health = self.router.pipeline(name).plan, self.router.health()[name]
        because = self._because.get(name, "") or (health.because if health.failing else "")
        return Served(name, plan.hash, self._since.get(name, 0), because)


async def _probe(pipeline: Pipeline) -> None:
    access = pipeline.plan.access
    if pipeline.stages.retriever is not None and not (access.tenant or access.groups):
        with suppress(QueryError):  # a guardrail may refuse any query, and the recipe answers others
            await pipeline.retrieve(Query(PROBE, top_k=1))
