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
import logging
import random
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .tenants_asks import ASKS, Answer
from .tenants_world import Person, World, world, write_world

AT_ONCE = 12
_MARK = re.compile(r"mk(\d\d)x(\d\d\d)x")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TOKEN = re.compile(r"/v1/thumbnails/([\w=-]+)")


@dataclass
class Seen:
    """What was seen: how many asked each route, how many own items they saw, and what was wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


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
_REFUSED |= {"page": {200, 404}, "page opinion": {200, 404}}


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
    if (given := _opened(route, answer)) is not None:
        if given in (person.tokens if route == "thumbnail" else person.requests):
            seen.own[route] += 1
        else:
            seen.foreign.append(f"{where}: what was given to another opened for them")
    person.tokens += _TOKEN.findall(text)
    if route in {"search", "ask", "chat", "page"} and answer.is_success:
        person.requests.append(answer.headers["x-request-id"])


def _opened(route: str, answer: Answer) -> str | None:
    """Give the token or the request that an answer was willing to go by, None where it was none of these."""
    if not answer.is_success:
        return None
    if route == "thumbnail":
        return answer.request.url.path.rpartition("/")[2]
    if route == "feedback":
        return str(answer.json()["request"])
    return parse_qs(answer.request.content.decode())["request"][0] if route == "page opinion" else None


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
