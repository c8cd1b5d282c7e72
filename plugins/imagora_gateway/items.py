"""From a caller's hands into the index: the road that every item takes, with its ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from imagora import Deleted, IngestReport, Item, Pipeline
from imagora.errors import ImagoraError
from imagora.item import JSONValue
from imagora.query import Principal
from imagora.scoped import principal, visible
from imagora_ingestion.door import ingest
from imagora_recipe.plan import Plan

from .caller import Caller
from .errors import Refusal
from .held import HeldItem, HeldItems
from .logs import log
from .recipes import Served, ServedRecipes

SOURCES = "gateway:"
"""How the names of sources begin that stand for what was handed in."""


class Handed:
    """A feed of one change: what it does not give stays as it is."""

    def __init__(self, source: str, change: Item | Deleted) -> None:
        self.uri, self._change = source, change

    def count(self) -> int:
        """Say how many there are."""
        return 1

    def items(self) -> Iterator[Item | Deleted]:
        """Give it."""
        yield self._change

    def restart(self) -> None:
        """Give it all the same: the rest is given by whoever handed it in, or from the gateway's own store."""

    def acknowledge(self, given: int) -> None:
        """Do nothing: the store is told after the ingest."""


class Items:
    """Adds, changes and deletes items of callers; one at a time, for an index has one writer."""

    def __init__(self, held: HeldItems, recipes: ServedRecipes) -> None:
        self.held, self._recipes = held, recipes
        self.writing = asyncio.Lock()

    async def write(self, item: HeldItem) -> HeldItem:
        """Bring an item into the index, or out of it, and give its state; it is written down before, and done again."""
        await asyncio.to_thread(self.held.put, item)
        async with self.writing:
            return await self._into_index(item)

    async def _into_index(self, item: HeldItem) -> HeldItem:
        pipeline = self._recipes.router.pipeline(item.recipe)
        change = self.held.change(item)
        report = await asyncio.to_thread(self._ingest, pipeline, item.source, change)
        if isinstance(change, Deleted):
            await asyncio.to_thread(self.held.remove, item)
            return item
        if report.quarantined:
            return await asyncio.to_thread(self.held.put_state, item, "refused", report.quarantined[0][1])
        return await asyncio.to_thread(self.held.put_state, item, "committed")

    def _ingest(self, pipeline: Pipeline, source: str, change: Item | Deleted) -> IngestReport:
        return ingest(pipeline.plan, replace(pipeline.stages, source=Handed(source, change)))

    async def resume(self) -> None:
        """Go on with what was accepted before the gateway ended."""
        for item in self.held.unfinished():
            if item.recipe in self._recipes.router.recipes():
                with suppress(Refusal):
                    try:
                        await self.write(item)
                    except ImagoraError as error:
                        log().warning("item waits", recipe=item.recipe, item=item.id, code=error.code)

    def find(self, served: Served, caller: Caller, id_: str) -> HeldItem | None:
        """Give an item that was handed in, where the caller may see it; all others are not there."""
        item = self.held.get(served.name, id_)
        if item is None or item.source != source_of(caller):
            return None
        return item if may_see(caller.principal, item.metadata, self._recipes.pipeline(served).plan) else None


def source_of(caller: Caller) -> str:
    """Say which source a caller's items are of: one for each tenant, so that their names never meet."""
    return f"{SOURCES}{caller.tenant}"


def owned(metadata: Mapping[str, JSONValue], caller: Caller, plan: Plan) -> dict[str, JSONValue]:
    """Give the metadata with whose it is, as the recipe's `access` has it; a Refusal for another's, or no name."""
    for key in metadata:
        if key.startswith("_") or key == "uri":
            raise Refusal(400, f"the key '{key[:40]}' is Imagora's own", code="reserved_key", param="metadata")
    whole, access = dict(metadata), plan.access
    if access.tenant:
        if not caller.tenant:
            raise Refusal(403, "this recipe keeps tenants apart, and you have none", code="IMG-507")
        if whole.get(access.tenant, caller.tenant) != caller.tenant:
            raise Refusal(403, "an item cannot be another tenant's", code="other_tenant", param="metadata")
        whole[access.tenant] = caller.tenant
    if access.groups:
        said = whole.get(access.groups, list(caller.groups))
        named = [said] if isinstance(said, str) else said
        if not isinstance(named, list) or not named or not set(map(str, named)) <= set(caller.groups):
            raise Refusal(403, "an item must be of groups that you belong to", code="other_group", param="metadata")
        whole[access.groups] = named
    return whole


def may_see(who: Principal, metadata: Mapping[str, JSONValue], plan: Plan) -> bool:
    """Say whether somebody may see an item with this metadata."""
    token = principal.set(who)
    try:
        return visible(metadata, plan.access.tenant, plan.access.groups)
    finally:
        principal.reset(token)
