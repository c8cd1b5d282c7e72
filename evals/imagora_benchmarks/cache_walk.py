"""A random walk over an index that is written to and asked: what a cache gives is what there is, and one's own.

    python -m imagora_benchmarks.cache_walk [--steps 10000] [--seed 1] [--redis redis://127.0.0.1:6379/0]

Items come, change and go, four tenants with groups and three conversations ask by words and pictures, with filters,
negative parts and weights, so often the same that most answers were kept. Each is held against what the same pipeline
works out without a cache at that moment. Real parts but for the embedder and the generator, which need no model: the
index is Qdrant's engine in a folder. Exit code 1 where one answer was stale, or another tenant's or conversation's.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora import Answer, BuildContext, Item, Picture, Pipeline, Principal, Query, Verdict
from imagora.assembly import assemble
from imagora.filters import Eq
from imagora.item import item_id
from imagora.passages import payload_of
from imagora.scoped import ScopedIndex
from imagora.stages import Entry, Scope
from imagora.testing.toy_embedders import PALETTE, ToyColour
from imagora_caching.cache import Cache
from imagora_recipe.check import check
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from PIL import Image
from rich.progress import track

RECIPE = """
recipe: 1
embedders: {sparse: {use: bm25}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid, top_k: 5, fusion: weighted}
generator: {use: extractive}
access: {tenant: tenant, groups: groups}
"""
TENANTS, GROUPS, SESSIONS = ("a", "b", "c", "d"), ("staff", "guests"), ("", "s1", "s2")
WORDS = ("boat", "rose", "lamp")
NAMES = ("Ann", "Bob")
WRITES, AGAIN, ANOTHER, ITEMS = 0.1, 0.45, 0.35, 24
HIDDEN, RECENT = "<NAME>", 6


@dataclass
class Walked:
    """What a walk saw: how many steps of each kind, how often an answer was a kept one, and what was wrong."""

    steps: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    stale: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


class Told:
    """A generator that tells all that it was given, so that nothing can differ unseen."""

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        message: Any = messages[-1]
        told = " ".join(f"{passage.get_content()} [{n}]" for n, passage in enumerate(message.passages, start=1))
        asked = f"{message.query.query_str}, {len(message.query.pictures)} pictures, in '{message.query.session}'"
        return ChatResponse(message=ChatMessage(role="assistant", content=f"{asked}: {told}"))


class Names:
    """A guardrail that hides names in what is asked, and puts them back into the answer."""

    async def acheck(self, texts: Sequence[str], place: str, scope: Scope) -> list[Verdict]:
        known: list[str] = scope.notes.setdefault("names", [])
        if place == "answer":
            return [_changed(text, text.replace(HIDDEN, known[0]) if known else text) for text in texts]
        known += [name for text in texts for name in NAMES if name in text]
        return [_changed(text, _hidden(text)) for text in texts]


def _hidden(text: str) -> str:
    for name in NAMES:
        text = text.replace(name, HIDDEN)
    return text


def _changed(before: str, after: str) -> Verdict:
    return Verdict("pass", before) if before == after else Verdict("redact", after, ("NAME",))


@contextmanager
def walking(folder: Path, cache: Cache) -> Iterator[Walk]:
    """Give a walk over a new index, with the cache around its pipeline."""
    (recipe := folder / "walk.yaml").write_text(RECIPE)
    plan = check(recipe)
    stages: Any = assemble(plan)
    image = ToyColour()
    stages.embedders["image"] = image
    guardrails: Any = {place: (("names", Names()),) for place in ("query", "answer")}
    stages = replace(stages, generator=("told", Told()), guardrails=guardrails)
    assert plan.retriever is not None  # noqa: S101 - the recipe above has one
    scoped: Any = ScopedIndex(stages.index, "tenant", "groups")
    context = BuildContext(recipe=plan.name, embedders=stages.embedders, index=scoped)
    retriever = plan.retriever.offer.component.build(plan.retriever.options, context)
    stages = replace(stages, retriever=("hybrid", retriever))
    stages.index.open({leg: one.identity() for leg, one in stages.embedders.items()}, create=True)
    with Pipeline(plan, replace(stages, wrappers=(("cache", cache),))) as pipeline:
        yield Walk(pipeline, Pipeline(plan, stages))


class Walk:
    """Takes random steps. pipeline: with a cache; bare: the same stages without one."""

    def __init__(self, pipeline: Pipeline, bare: Pipeline) -> None:
        self._pipeline, self._bare = pipeline, bare
        self._items: dict[str, Item] = {}
        self._recent: list[Query] = []
        self._pictures = {name: _square(name) for name in ("red", "blue")}

    async def take(self, steps: int, seed: int = 1, *, until_wrong: bool = False) -> Walked:
        """Take so many steps; until_wrong: no more after the first that is wrong."""
        chance, seen = random.Random(seed), Walked()  # noqa: S311 - a walk that can be walked again
        for number in track(range(steps), description="walking", disable=not sys.stderr.isatty()):
            if number < ITEMS or chance.random() < WRITES:
                seen.steps[self._write(chance)] += 1
                continue
            seen.steps["query"] += 1
            await self._ask(self._query(chance), seen, number)
            if until_wrong and (seen.stale or seen.foreign):
                break
        return seen

    async def _ask(self, query: Query, seen: Walked, number: int) -> None:
        mine, theirs = await self._pipeline.answer(query), await self._bare.answer(replace(query))
        seen.kept += mine.cached is not None
        who = query.principal
        if who is None or any(passage.node.metadata.get("tenant") != who.tenant for passage in mine.passages):
            seen.foreign.append(f"step {number}: {query}")
        if f"in '{query.session}'" not in mine.text:
            seen.foreign.append(f"step {number}: {query.session}: {mine.text}")
        if _told(mine) != _told(theirs):
            seen.stale.append(f"step {number}: {query}: {_told(mine)} instead of {_told(theirs)}")

    def _query(self, chance: random.Random) -> Query:
        """Give one of the last queries again, one that differs from it in one thing, or a new one."""
        which = chance.random()
        if not self._recent or which > AGAIN + ANOTHER:
            query = Query(chance.choice(WORDS), principal=Principal("a", ("staff",), user="x"))
            for _ in range(3):
                query = replace(query, **self._other(chance, query))
        else:
            query = chance.choice(self._recent)
            query = replace(query, **(self._other(chance, query) if which > AGAIN else {}))
        self._recent = [*self._recent, query][-RECENT:]
        return query

    def _other(self, chance: random.Random, query: Query) -> dict[str, Any]:
        who = query.principal or Principal()
        red, blue = ((self._pictures[name],) for name in ("red", "blue"))
        others: list[dict[str, Any]] = [
            {"query_str": f"{query.query_str.split()[0]}{chance.choice(['', ' for Ann', ' for Bob'])}"},
            {"principal": replace(who, tenant=chance.choice(TENANTS))},
            {"principal": replace(who, groups=chance.choice([("staff",), ("guests",), GROUPS]))},
            {"principal": replace(who, user=chance.choice(("x", "y")))},
            {"session": chance.choice(SESSIONS)},
            {"filter": chance.choice([None, Eq("kind", "new"), Eq("kind", "old")])},
            {"top_k": chance.choice([None, 1, 3])},
            {"negative": chance.choice(["", *WORDS])},
            {"weights": chance.choice([{}, {"sparse": 1.0, "image": 0.1}, {"sparse": 0.1, "image": 5.0}])},
            {"pictures": chance.choice([(), red, blue])},
            {"negative_pictures": chance.choice([(), red, blue])},
        ]
        return chance.choice(others)

    def _write(self, chance: random.Random) -> str:
        index, name = self._pipeline.stages.index, f"item-{chance.randrange(ITEMS)}"
        assert index is not None  # noqa: S101 - the recipe above has one
        there = self._items.get(name)
        id_ = item_id("walk", name)
        if there is not None and chance.random() < 0.3:  # noqa: PLR2004 - three writes in ten delete
            del self._items[name]
            index.delete([id_])
            return "delete"
        item = self._item(chance, name, there)
        if there is not None and item.text == there.text:
            index.set_payloads({id_: payload_of(item)})
        else:
            index.upsert([self._entry(id_, item)])
        self._items[name] = item
        return "insert" if there is None else "change"

    def _item(self, chance: random.Random, name: str, there: Item | None) -> Item:
        tenant = there.metadata["tenant"] if there else chance.choice(TENANTS)
        about = {"tenant": tenant, "kind": chance.choice(("new", "old")), "groups": [chance.choice(GROUPS)]}
        if there is not None and chance.random() < 0.5:  # noqa: PLR2004 - half of the changes are of metadata alone
            return replace(there, metadata=about)
        text = " ".join(chance.choices(WORDS, k=3)) + f", {chance.choice(list(PALETTE))} {chance.randrange(1000)}"
        return Item(name, text, None, about)

    def _entry(self, id_: str, item: Item) -> Entry:
        embedders: Any = self._pipeline.stages.embedders
        (sparse,) = embedders["sparse"].embed_texts([item.text])
        # Each item is a little different from every other one, for which of two equals comes first is left to chance.
        own = random.Random(f"{id_} {item.text}")  # noqa: S311 - as above
        image = [value + 0.01 * own.random() for value in embedders["image"].get_text_embedding(item.text)]
        vectors = {"sparse": sparse, "image": image}
        return Entry(id_, vectors, payload_of(item))


def _told(answer: Answer) -> Any:
    found = [(passage.node_id, passage.score, passage.scores, passage.node.metadata) for passage in answer.passages]
    return [answer.text, answer.citations, found, answer.verdicts, answer.unknown_markers]


def _square(colour: str) -> Picture:
    file = BytesIO()
    Image.new("RGB", (16, 16), PALETTE[colour]).save(file, "PNG")
    return Picture(file.getvalue(), 16, 16, "", "PNG 16x16")


def memory() -> Cache:
    """Give a cache in memory that is large enough for a walk."""
    from imagora_cache.memory import MemoryStore
    from imagora_cache.options import CacheOptions

    return Cache("cache", MemoryStore(10_000, 100_000_000), CacheOptions())


def main() -> int:
    """Walk, print what was seen, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", default="", help="the address of a Redis to walk with, in place of memory")
    arguments = parser.parse_args()
    cache = memory()
    if arguments.redis:
        from imagora_redis.options import RedisOptions
        from imagora_redis.store import RedisStore

        options = RedisOptions(url=arguments.redis)
        cache = Cache("redis_cache", RedisStore(options), options)
    with tempfile.TemporaryDirectory() as folder, walking(Path(folder), cache) as walk:
        seen = asyncio.run(walk.take(arguments.steps, arguments.seed))
    steps = ", ".join(f"{number} {kind}" for kind, number in sorted(seen.steps.items()))
    print(f"{steps}; {seen.kept} answers were kept ones")
    print(f"stale: {len(seen.stale)}, another's: {len(seen.foreign)}; {cache.counts()}")
    for wrong in (*seen.stale, *seen.foreign)[:3]:
        print(wrong)
    return int(bool(seen.stale or seen.foreign) or not seen.kept)


if __name__ == "__main__":
    sys.exit(main())
