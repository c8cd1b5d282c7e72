"""The world of `gateway_tenants`: tenants with items in two groups of the same names, callers with keys, a gateway."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from imagora.catalog import Catalog
from imagora.item import item_id

from .squares import Squares, write_squares

RECIPE = """
recipe: 1
source: {use: folder, path: ./pictures}
embedders: {image: {use: squares}, sparse: {use: bm25}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid, top_k: 8}
generator: {use: extractive}
access: {tenant: tenant, groups: groups}
wrappers: [{use: cache}]
"""
GROUPS = ("red", "blue")
MEMBERS = (("red",), ("blue",), ("blue", "red"))
WORDS = ("boat", "rose", "lamp", "stamp", "wall", "harbour", "bread", "letter")


@dataclass(frozen=True)
class Thing:
    """An item: whose it is, and what it can be known by."""

    tenant: str
    groups: tuple[str, ...]
    mark: str
    id: str


@dataclass
class Person:
    """A caller, how it calls, and what it was given that is good for it alone."""

    tenant: str
    groups: tuple[str, ...]
    client: httpx.AsyncClient = field(repr=False)
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def may_see(self, thing: Thing) -> bool:
        """Say whether an item is for them."""
        return thing.tenant == self.tenant and bool(set(thing.groups) & set(self.groups))


@dataclass
class World:
    """The gateway, its items by mark and by id, its callers, and pictures of items as addresses."""

    things: dict[str, Thing]
    people: list[Person]
    pictures: Sequence[str]

    def somebody(self, chance: random.Random) -> Thing:
        """Give an item of anybody."""
        return chance.choice(list(self.things.values()))


def catalog() -> Catalog:
    """Give a catalog of the real parts and the stub of an embedder."""
    import imagora_cache
    import imagora_folder
    import imagora_hybrid
    import imagora_ingestion
    import imagora_qdrant
    import imagora_starter

    parts = (imagora_cache, imagora_folder, imagora_hybrid, imagora_ingestion, imagora_qdrant, imagora_starter)
    return Catalog.of(Squares(), *parts)


def write_world(folder: Path, tenants: int, items: int, seed: int) -> dict[str, Thing]:
    """Write recipe and items, ingest them, and give the items by mark and by id."""
    from imagora import Pipeline
    from imagora.assembly import assemble
    from imagora_recipe.check import check

    chance, things = random.Random(seed), dict[str, Thing]()  # noqa: S311 - a world that can be made again
    (folder / "world.yaml").write_text(RECIPE)
    write_squares(folder / "pictures", range(tenants * items))
    plan = check(folder / "world.yaml", catalog())
    with Pipeline(plan, assemble(plan)) as pipeline:
        source: Any = pipeline.stages.source
        for number in range(tenants * items):
            tenant, groups = f"t{number % tenants:02}", chance.choice(MEMBERS)
            mark = f"mk{number % tenants:02}x{number // tenants:03}x"
            said: dict[str, Any] = {
                "text": f"{' '.join(chance.sample(WORDS, 4))} {mark}",
                "title": f"a {mark}",
                "tenant": tenant,
            }
            said |= {"groups": list(groups), "price": chance.randrange(50)}
            (folder / "pictures" / f"{number:06}.json").write_text(json.dumps(said))
            thing = Thing(tenant, groups, mark, item_id(source.uri, f"{number:06}.png"))
            things |= {thing.mark: thing, thing.id: thing}
        pipeline.ingest()
    return things


@asynccontextmanager
async def world(folder: Path, things: dict[str, Thing]) -> AsyncIterator[World]:
    """Serve a gateway in this process on what `write_world` wrote, and give it with callers that have keys."""
    from imagora_gateway.access import Access
    from imagora_gateway.app import create_app
    from imagora_gateway.keys import Key, KeyFile
    from imagora_gateway.settings import Settings

    keys = KeyFile(folder / "gateway" / "keys.sqlite")
    tenants = sorted({thing.tenant for thing in things.values()})
    made = {
        (tenant, groups): keys.create(Key("", f"{tenant}-{'-'.join(groups)}", tenant, groups, ("viewer", "editor")))
        for tenant in tenants
        for groups in MEMBERS
    }
    access = Access(rates=("100000000/day",))
    told: dict[str, Any] = {"recipes": [str(folder / "world.yaml")], "folder": folder / "gateway"}
    app = create_app(Settings.model_validate({**told, "access": access}), catalog())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    people = [Person(*who, _client(transport, key)) for who, key in made.items()]
    shown = [picture.read_bytes() for picture in sorted((folder / "pictures").glob("*.png"))[:40]]
    addresses = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in shown]
    async with app.router.lifespan_context(app):
        yield World(things, people, addresses)
        for person in people:
            await person.client.aclose()


def _client(transport: httpx.ASGITransport, key: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8017", headers=headers, timeout=120)
