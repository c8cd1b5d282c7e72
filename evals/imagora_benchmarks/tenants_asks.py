"""How `gateway_tenants` asks: every route of a gateway, for what is one's own and more often for what is not."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import httpx

from .tenants_world import GROUPS, WORDS, Person, World

Answer: TypeAlias = httpx.Response
Ask: TypeAlias = Callable[[World, Person, random.Random], Any]


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


async def page(it: World, person: Person, chance: random.Random) -> Answer:
    """Fill in the page's form, also for what is like a picture whose address anybody was given."""
    asked = _asked(it, person, chance)
    said = {"recipe": "world", "words": asked["words"], "conditions": "\n".join(asked["filters"])}
    said["do"] = chance.choice(("search", "ask"))
    tokens = [token for other in _some(it, person, chance) for token in other.tokens[-3:]]
    if tokens and chance.random() < 0.3:  # noqa: PLR2004 - a share
        said["like"] = chance.choice(tokens)
    # What a script asks for: a whole page would also have the form with the caller's own words, marks and all.
    headers = {"Accept": chance.choice(("text/html", "text/event-stream")), "HX-Request": "true"}
    shown = [base64.b64decode(address.partition(",")[2]) for address in asked.get("pictures", ())]
    files = [("pictures", ("shown.png", picture, "image/png")) for picture in shown]
    return await person.client.post("/page/ask", data=said, files=files or None, headers=headers)


async def page_opinion(it: World, person: Person, chance: random.Random) -> Answer:
    """Give feedback on anybody's request on the page."""
    requests = [request for other in _some(it, person, chance) for request in other.requests[-3:]]
    said = {"request": chance.choice(requests) if requests else "none", "rating": "down"}
    return await person.client.post("/page/opinion", data=said)


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
    "search": (20, search),
    "ask": (15, ask),
    "ask alike": (10, ask_alike),
    "chat": (15, chat),
    "look": (8, look),
    "change": (4, change),
    "hand in": (2, hand_in),
    "thumbnail": (6, thumbnail),
    "feedback": (4, opinion),
    "page": (8, page),
    "page opinion": (2, page_opinion),
    "tool": (6, tool),
}
"""How to ask each route, and how often of a hundred."""
