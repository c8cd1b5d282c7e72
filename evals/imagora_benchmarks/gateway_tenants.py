"""Tenants of one gateway: generated queries and filters through every route, and nobody sees what is another's.

    python -m imagora_benchmarks.gateway_tenants [--queries 10000] [--tenants 10] [--items 30] [--seed 1]

Every tenant has items in two groups of the same names, and callers in one of them or in both, with real keys. All ask
at once, for what is theirs and more often for what is not: others' words, pictures, ids, thumbnails and requests,
filters of every kind on the fields that say whose an item is. Every item carries a mark and has an id; no answer of any
route may hold a mark or an id that its caller may not see. The index is Qdrant's engine in a folder, with a cache
around it; only the embedder of pictures is a stub. Exit code 1 where one was foreign, or an answer was not as expected.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import logging
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from imagora.catalog import Catalog
from imagora.item import item_id
from rich.console import Console
from rich.progress import track
from rich.table import Table

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
AT_ONCE = 12
_MARK = re.compile(r"mk(\d\d)x(\d\d\d)x")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TOKEN = re.compile(r"/v1/thumbnails/([\w=-]+)")
Answer: TypeAlias = httpx.Response
Ask: TypeAlias = "Callable[[World, Person, random.Random], Any]"


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
class Seen:
    """What was seen: how many asked each route, how many own items they saw, and what was wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


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
    told: dict[str, Any] = {"recipes": [str(folder / "world.yaml")], "folder": folder / "gateway", "page": False}
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


def _words(it: World, chance: random.Random) -> str:
    words = chance.sample(WORDS, chance.randint(1, 3))
    return " ".join([*words, it.somebody(chance).mark] if chance.random() < 0.6 else words)  # noqa: PLR2004 - a share


def _filters(it: World, person: Person, chance: random.Random) -> list[str]:
    other = it.somebody(chance)
    kinds = (
        f"tenant={other.tenant}",
        f"tenant!={person.tenant}",
        f"tenant={other.tenant}|{person.tenant}",
        f"groups={chance.choice(GROUPS)}",
        f"groups!={chance.choice(person.groups)}",
        "groups=red|blue",
        f"price<{chance.randrange(60)}",
        f"price>={chance.randrange(40)}",
        f"title=a {other.mark}",
        f"title!=a {other.mark}",
    )
    return chance.sample(kinds, chance.choice((0, 0, 1, 1, 2)))


def _asked(it: World, person: Person, chance: random.Random) -> dict[str, Any]:
    asked: dict[str, Any] = {"recipe": "world", "words": _words(it, chance), "filters": _filters(it, person, chance)}
    if chance.random() < 0.3:  # noqa: PLR2004 - a share
        asked["pictures"] = [chance.choice(it.pictures)]
        asked["words"] = chance.choice(("", asked["words"]))
    if chance.random() < 0.2:  # noqa: PLR2004 - a share
        asked |= {"unlike": _words(it, chance), "weights": {"image": chance.random(), "sparse": 1.0}}
    return asked


async def search(it: World, person: Person, chance: random.Random) -> Answer:
    """Search with anything."""
    return await person.client.post("/v1/search", json={**_asked(it, person, chance), "top_k": chance.randint(1, 100)})


async def ask(it: World, person: Person, chance: random.Random) -> Answer:
    """Ask with anything."""
    return await person.client.post("/v1/ask", json=_asked(it, person, chance))


async def ask_alike(it: World, person: Person, chance: random.Random) -> Answer:
    """Ask what others asked to the letter, so that kept answers are given."""
    return await person.client.post("/v1/ask", json={"recipe": "world", "words": f"a {chance.choice(WORDS)}"})


async def chat(it: World, person: Person, chance: random.Random) -> Answer:
    """Chat, streamed or not, in words or with a picture."""
    content: Any = _words(it, chance)
    if chance.random() < 0.2:  # noqa: PLR2004 - a share
        picture = {"type": "image_url", "image_url": {"url": chance.choice(it.pictures)}}
        content = [{"type": "text", "text": content}, picture]
    said = {"model": "world", "messages": [{"role": "user", "content": content}], "stream": chance.random() < 0.5}  # noqa: PLR2004 - a share
    return await person.client.post("/v1/chat/completions", json=said)


async def look(it: World, person: Person, chance: random.Random) -> Answer:
    """Look at anybody's item by its id."""
    return await person.client.get(f"/v1/items/world/{it.somebody(chance).id}")


async def change(it: World, person: Person, chance: random.Random) -> Answer:
    """Try to change or to delete anybody's item."""
    address = f"/v1/items/world/{it.somebody(chance).id}"
    if chance.random() < 0.5:  # noqa: PLR2004 - a share
        return await person.client.delete(address)
    return await person.client.patch(address, json={"metadata": {"tenant": person.tenant}})


async def hand_in(it: World, person: Person, chance: random.Random) -> Answer:
    """Try to hand an item in for another tenant."""
    metadata = {"tenant": it.somebody(chance).tenant, "groups": list(person.groups)}
    item = {"recipe": "world", "uri": "smuggled", "text": "boat rose", "metadata": metadata}
    if metadata["tenant"] == person.tenant:
        item["metadata"] = {"groups": ["green"]}
    return await person.client.post("/v1/items", json=item)


def _some(it: World, person: Person, chance: random.Random) -> Sequence[Person]:
    return [person] if chance.random() < 0.3 else it.people  # noqa: PLR2004 - a share


async def thumbnail(it: World, person: Person, chance: random.Random) -> Answer:
    """Open the address of a thumbnail that anybody was given."""
    tokens = [token for other in _some(it, person, chance) for token in other.tokens[-3:]]
    return await person.client.get(f"/v1/thumbnails/{chance.choice(tokens) if tokens else 'none'}")


async def opinion(it: World, person: Person, chance: random.Random) -> Answer:
    """Give feedback on anybody's request."""
    requests = [request for other in _some(it, person, chance) for request in other.requests[-3:]]
    said = {"request": chance.choice(requests) if requests else "none", "rating": "up"}
    return await person.client.post("/v1/feedback", json=said)


async def tool(it: World, person: Person, chance: random.Random) -> Answer:
    """Search, ask or look over MCP."""
    name = chance.choice(("search", "ask", "look"))
    arguments: dict[str, Any] = {"words": _words(it, chance), "filters": _filters(it, person, chance)}
    if name == "look":
        arguments = {"id": it.somebody(chance).id}
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    return await person.client.post("/mcp", json=said, headers=headers)


ASKS: Mapping[str, tuple[int, Ask]] = {
    "search": (30, search),
    "ask": (15, ask),
    "ask alike": (10, ask_alike),
    "chat": (15, chat),
    "look": (8, look),
    "change": (4, change),
    "hand in": (2, hand_in),
    "thumbnail": (6, thumbnail),
    "feedback": (4, opinion),
    "tool": (6, tool),
}
"""How to ask each route, and how often of a hundred."""


async def walk(it: World, queries: int, seed: int = 1, *, until_wrong: bool = False) -> Seen:
    """Let so many queries be asked, several at once, and give what was seen."""
    seen, numbers = Seen(), iter(track(range(queries), "asking", disable=not sys.stderr.isatty()))

    async def asker() -> None:
        for number in numbers:
            if until_wrong and (seen.foreign or seen.unexpected):
                return
            chance = random.Random(f"{seed} {number}")  # noqa: S311 - queries that can be asked again
            (route,) = chance.choices(list(ASKS), [share for share, _ in ASKS.values()])
            person = chance.choice(it.people)
            judge(it, person, route, await ASKS[route][1](it, person, chance), seen)

    await asyncio.gather(*(asker() for _ in range(AT_ONCE)))
    return seen


_REFUSED = {"change": {404}, "hand in": {403}, "look": {200, 404}, "thumbnail": {200, 404}, "feedback": {201, 404}}


def judge(it: World, person: Person, route: str, answer: Answer, seen: Seen) -> None:
    """Look at an answer for what is another's, and keep what it gave for this caller alone."""
    seen.asked[route] += 1
    where = f"{route} of {person.tenant} in {'/'.join(person.groups)}"
    failed = '"isError":true' in answer.text and _NO_ITEM not in answer.text
    if failed or answer.status_code not in _REFUSED.get(route, {200}):
        seen.unexpected.append(f"{where}: {answer.status_code} {answer.text[:200]}")
    text = "" if route == "thumbnail" else answer.text
    marks = {f"mk{tenant}x{number}x" for tenant, number in _MARK.findall(text)}
    for name in marks | set(_ID.findall(text)):
        thing = it.things.get(name)
        if thing is None:
            continue
        if person.may_see(thing):
            seen.own[route] += 1
        else:
            seen.foreign.append(f"{where}: {name} of {thing.tenant} in {'/'.join(thing.groups)}")
    if route in {"thumbnail", "feedback"} and answer.is_success:
        given = answer.request.url.path.rpartition("/")[2] if route == "thumbnail" else answer.json()["request"]
        own = person.tokens if route == "thumbnail" else person.requests
        if given in own:
            seen.own[route] += 1
        else:
            seen.foreign.append(f"{where}: what was given to another opened for them")
    person.tokens += _TOKEN.findall(text)
    if route in {"search", "ask", "chat"} and answer.is_success:
        person.requests.append(answer.headers["x-request-id"])


_NO_ITEM = "there is no such item"


def main() -> int:
    """Ask, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, default in (("queries", 10_000), ("tenants", 10), ("items", 30), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()

    async def run(folder: Path) -> Seen:
        things = await asyncio.to_thread(write_world, folder, arguments.tenants, arguments.items, arguments.seed)
        async with world(folder, things) as it:
            return await walk(it, arguments.queries, arguments.seed)

    from imagora_gateway.logs import configure

    configure(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(run(Path(folder)))
    table = Table("route", "asked", "own seen", title=f"{len(seen.foreign)} foreign, {len(seen.unexpected)} unexpected")
    for route in ASKS:
        table.add_row(route, str(seen.asked[route]), str(seen.own[route]))
    console = Console()
    console.print(table)
    for what in [*seen.foreign[:10], *seen.unexpected[:10]]:
        console.print(what, markup=False)
    return int(bool(seen.foreign or seen.unexpected))


if __name__ == "__main__":
    sys.exit(main())
