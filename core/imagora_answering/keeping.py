"""Where the road of a query looks things up: what the keys hold, and a kept answer's way out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from imagora.answer import Answer, Passage
from imagora.assembly import Stages
from imagora.events import PassagesFound, TextPart, listener, tell
from imagora.query import Query
from imagora.record import Record
from imagora_caching import keys
from imagora_caching.cache import around, made_by
from imagora_caching.maker import Maker
from imagora_caching.through import Wanted, through
from imagora_caching.values import ANSWER, PASSAGES, PICTURES, KeptAnswer, KeptPictures
from imagora_recipe.plan import Plan

from .guarding import Refused, guard_answer
from .pictures import Budget

PART = 40
"""Characters, about, of a part of a kept answer that is streamed."""


class Keeping:
    """Takes one pipeline's queries by way of the caches around them; without any it costs nothing."""

    def __init__(self, plan: Plan, stages: Stages, opened: Callable[[], Awaitable[None]]) -> None:
        self._plan, self._stages, self._maker = plan, stages, Maker(plan, stages, opened)

    def begin(self) -> None:
        """Say to what is around the query whose road it is."""
        made_by(self._maker)

    async def answer(
        self, asked: Query, let_in: Query, record: Record, end: float, make: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Give a kept answer, or work it out. asked, let_in: the query before its guardrails and after them."""
        if not around.get().keeping("answer"):
            return await make()
        told = list(record.verdicts)
        worked_out: list[Answer] = []

        async def parts(maker: Maker) -> Mapping[str, Any] | None:
            # What was asked as well as what was let in: two names are one placeholder, and an answer may have the name.
            content = await maker.content()
            if content is None:
                return None
            before = {
                "asked": None if asked is let_in else keys.asked(asked),
                "judged": keys.judged(record.scope, told),
            }
            return {**await self._parts(maker, let_in), **before, "content": content}

        async def made() -> KeptAnswer:
            worked_out.append(answer := await make())
            return _to_keep(answer, record, len(told))

        def whole(_: KeptAnswer) -> bool:
            return not (worked_out[0].refused or worked_out[0].degraded)

        wanted = Wanted("answer", parts, ANSWER, made, whole, partial(self._may_go_out, record), end)
        kept, from_cache = await through(wanted, record)
        return worked_out[0] if not from_cache else await self._given(kept, record)

    async def ranked(self, query: Query, record: Record, make: Callable[[], Awaitable[list[Passage]]]) -> list[Passage]:
        """Give the kept passages of a query, as they are before their guardrails, or find them."""
        if not around.get().keeping("retrieval"):
            return await make()

        async def parts(maker: Maker) -> Mapping[str, Any] | None:
            content = await maker.content()
            return None if content is None else {**await self._parts(maker, query), "content": content}

        async def made() -> tuple[Passage, ...]:
            return tuple(await make())

        passages, _ = await through(Wanted("retrieval", parts, PASSAGES, made), record)
        return list(passages)

    async def pictures(
        self,
        query: Query,
        passages: list[Passage],
        budget: Budget,
        record: Record,
        make: Callable[[], Awaitable[tuple[KeptPictures, bool]]],
    ) -> KeptPictures:
        """Give the kept pictures of a prompt, or choose them; `make` also says whether all could be read."""
        all_read = [True]

        async def parts(maker: Maker) -> Mapping[str, Any]:
            files = await asyncio.to_thread(_files, passages)
            shown = keys.plain([files, budget, record.scope.withheld])
            return {**await self._parts(maker, query), "shown": shown}

        async def made() -> KeptPictures:
            chosen, all_read[0] = await make()
            return chosen

        if not (budget.pictures and around.get().keeping("prompt")):
            return await made()
        kept, _ = await through(Wanted("prompt", parts, PICTURES, made, lambda _: all_read[0]), record)
        return kept

    async def _parts(self, maker: Maker, query: Query) -> dict[str, Any]:
        return {"recipe": await maker.recipe(), "who": keys.who(query), "query": keys.asked(query)}

    async def _may_go_out(self, record: Record, kept: KeptAnswer) -> bool:
        guardrails = self._stages.guardrails.get("answer", ())
        if not guardrails or not all(cache.options.recheck for cache in around.get().keeping("answer")):
            return True
        record.scope.passages = self._shown(kept)
        again = Record(record.tracer, record.told, record.stages, scope=record.scope)
        try:
            return await guard_answer(kept.text, guardrails, again) == kept.text
        except Refused:
            return False

    async def _given(self, kept: KeptAnswer, record: Record) -> Answer:
        record.scope.passages = self._shown(kept)
        record.verdicts.extend(kept.verdicts)
        tell(PassagesFound(record.scope.passages))
        for part in _parts_of(kept.text) if listener.get() is not None else ():
            tell(TextPart(part))
            await asyncio.sleep(0)  # so that whoever reads the stream gets it in parts
        return self._made(record, kept)

    def _shown(self, kept: KeptAnswer) -> tuple[Passage, ...]:
        return kept.passages[: self._plan.prompt.passages]

    def _made(self, record: Record, kept: KeptAnswer) -> Answer:
        if kept.left_out:
            last = record.stages[-1]
            record.stages[-1] = replace(last, facts={**last.facts, "left_out": list(kept.left_out)})
        return Answer(
            kept.text,
            kept.citations,
            kept.passages,
            tuple(record.stages),
            tuple(record.verdicts),
            unknown_markers=kept.unknown_markers,
            recipe=self._plan.name,
            recipe_hash=self._plan.hash,
        )


def _to_keep(answer: Answer, record: Record, told: int) -> KeptAnswer:
    left_out = tuple(str(one) for stage in answer.stages for one in stage.facts.get("left_out", ()))
    verdicts = tuple(record.verdicts[told:])
    return KeptAnswer(answer.text, answer.citations, answer.passages, verdicts, answer.unknown_markers, left_out)


def _files(passages: Sequence[Passage]) -> list[Any]:
    """Say which pictures the passages have, by their files' sizes and times, and what is said instead of them."""
    told: list[Any] = []
    for passage in passages:
        resource = getattr(passage.node, "image_resource", None)
        said: list[Any] = [passage.node_id, *(passage.node.metadata.get(key) for key in ("caption", "ocr_text"))]
        if resource is not None and resource.path:
            with suppress(OSError):
                there = Path(resource.path).stat()
                said += [str(resource.path), there.st_size, there.st_mtime_ns]
        told.append(said)
    return told


def _parts_of(text: str) -> Iterator[str]:
    """Cut a text into parts of some words."""
    start = 0
    while start < len(text):
        end = text.find(" ", start + PART)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end
