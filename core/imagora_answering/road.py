"""The road of a query, from its guardrails to an answer with checked citations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from imagora.answer import Answer, Citation, Passage
from imagora.assembly import Stages
from imagora.calls import tries
from imagora.errors import ImagoraError, StageCrashed, StageError
from imagora.events import PassagesFound, listener, tell
from imagora.item import Picture
from imagora.prompt import PICTURES_ALONE, TEMPLATE, build_prompt
from imagora.query import Query
from imagora.record import Record, named
from imagora.scoped import visible, within
from imagora.stages import Generator, Retriever
from imagora_caching.values import KeptPictures
from imagora_recipe.plan import Plan
from jinja2 import TemplateError
from llama_index.core.base.llms.types import TextBlock
from llama_index.core.schema import NodeWithScore

from .citations import cite
from .guarding import Refused, guard_answer, guard_passages, guard_query
from .keeping import Keeping
from .pictures import Budget, choose
from .reading import read, readers
from .streaming import GuardedStream

Scores: TypeAlias = dict[str, tuple[float | None, dict[str, float]]]
NOT_SEEN: tuple[float | None, dict[str, float]] = (None, {})
Text: TypeAlias = tuple[str, tuple[Citation, ...], tuple[int, ...]]
"""An answer's text with its citations and the markers that meant nothing."""
TRIES = 3
"""How often generators elsewhere are asked for one query, all of them together."""
DESCRIBE = "Say what the pictures show, and nothing that they do not show."
"""What a generator is told where there are no passages to answer from."""
NOT_FOUND = "no passages were found"
FALLBACKS_SHARE = 0.25
"""Of the time that is left when the first generator begins: what is kept for the second."""


class QueryRoad:
    """Takes queries through the stages of one pipeline.

    opened: makes sure that the index is open. decode: decodes a file within the recipe's limits.
    """

    def __init__(
        self,
        plan: Plan,
        stages: Stages,
        opened: Callable[[], Awaitable[None]],
        decode: Callable[[Path], Awaitable[Picture]],
    ) -> None:
        self.plan, self.stages, self._opened, self._decode = plan, stages, opened, decode
        self._keeping = Keeping(plan, stages, opened)

    async def answer(self, query: Query, record: Record) -> Answer:
        """Answer within the recipe's deadline; where the generator fails, as its fallback says."""
        end = asyncio.get_running_loop().time() + self.plan.answer.deadline
        try:
            if self.plan.pictures.read_queries or self.stages.guardrails.get("query"):
                async with _until(end, NOT_FOUND, self.plan.answer.deadline):
                    let_in = await self._let_in(query, record)
            else:  # nobody is asked, and a deadline costs a kept answer a twentieth of its time
                let_in = await self._let_in(query, record)
            work_out = partial(self._worked_out, let_in, record, end)
            return await self._keeping.answer(query, let_in, record, end, work_out)
        except Refused as refused:
            return self._made(record, str(refused), refused=True)

    async def _worked_out(self, query: Query, record: Record, end: float) -> Answer:
        degraded = ""
        async with _until(end, NOT_FOUND, self.plan.answer.deadline):
            passages = await self._found(query, record)
        shown = passages[: self.plan.prompt.passages]
        record.scope.passages = tuple(shown)
        tell(PassagesFound(tuple(shown)))
        try:
            text, citations, unknown = await self._text(query, shown, record, end)
        except StageError as error:
            if self.plan.answer.fallback is None:
                raise
            degraded = str(error)
            text, citations, unknown = await self._instead(query, shown, record, end)
        if self.plan.answer.require_citations and not citations and not (degraded and not text):
            return self._made(record, "the answer was refused: it cites no passage", refused=True)
        return self._made(
            record,
            text,
            citations,
            tuple(passages),
            unknown_markers=unknown,
            degraded=bool(degraded),
            degraded_because=degraded,
        )

    async def passages(self, query: Query, record: Record, end: float | None = None) -> tuple[Query, list[Passage]]:
        """Find passages: the query as its guardrails let it through, and what the retriever and rerankers give.

        end: the moment, of the loop's clock, at which there is no more time; None: the recipe's deadline from now on.
        """
        end = end or asyncio.get_running_loop().time() + self.plan.answer.deadline
        async with _until(end, NOT_FOUND, self.plan.answer.deadline):
            query = await self._let_in(query, record)
            return query, await self._found(query, record)

    async def _let_in(self, query: Query, record: Record) -> Query:
        self._keeping.begin()
        query = await self._read(query, record)
        return await guard_query(query, self.stages.guardrails.get("query", ()), record)

    async def _found(self, query: Query, record: Record) -> list[Passage]:
        if self.stages.retriever is None:
            return []
        with within(query.filter):
            work_out = partial(self._ranked, query, self.stages.retriever, record)
            passages = await self._keeping.ranked(query, record, work_out)
        return await guard_passages(passages, self.stages.guardrails.get("passages", ()), record)

    async def _ranked(self, query: Query, first: tuple[str, Retriever], record: Record) -> list[Passage]:
        name, retriever = first
        with record.stage("retriever", name, query) as facts, named("retriever", name):
            await self._opened()
            found: Any = await retriever.aretrieve(self._wide(query))
            passages = found if getattr(retriever, "fresh", False) else _passages(found)
            facts["passages"] = len(passages)
            facts.gave(passages)
        for name, reranker in self.stages.rerankers:
            with record.stage("reranker", name, passages) as facts, named("reranker", name):
                # Noted before: many rerankers write their scores into the very passages that they are given.
                before = {passage.node.node_id: (passage.score, dict(passage.scores)) for passage in passages}
                try:
                    nodes = await reranker.apostprocess_nodes(list(passages), query_bundle=query)
                except StageCrashed as crashed:  # its own process did: what was found stays in the order that it has
                    facts["crashed"] = str(crashed)
                    continue
                passages = _passages(nodes, name, before)
                facts["passages"] = len(passages)
                facts.gave(passages)
        # The index sees to it; this is for retrievers that have passages from somewhere else.
        access = self.plan.access
        if access.tenant or access.groups:
            passages = [p for p in passages if visible(p.node.metadata, access.tenant, access.groups)]
        return passages[: query.top_k]

    async def _read(self, query: Query, record: Record) -> Query:
        failed = 0
        if self.plan.pictures.read_queries:
            tries.set([1])  # captions may be a generator's
            query, failed = await read(query, readers(self.stages.preparers), record)
        tries.set([max(1, TRIES - failed)])
        return query

    def _wide(self, query: Query) -> Query:
        # Rerankers choose among what the recipe retrieves, not among the few passages that are wanted in the end.
        usual = getattr(self.plan.retriever.options, "top_k", None) if self.plan.retriever else None
        if not self.stages.rerankers or query.top_k is None or usual is None or query.top_k >= usual:
            return query
        return replace(query, top_k=usual)

    async def _text(self, query: Query, passages: list[Passage], record: Record, end: float) -> Text:
        assert self.stages.generator is not None  # noqa: S101 - the pipeline looked
        other = self.stages.fallback is not None
        left = end - asyncio.get_running_loop().time()
        tries.set([max(1, (tries.get() or [TRIES])[0] - other)])  # so that a second generator has a try left
        return await self._generated(
            self.stages.generator, query, passages, record, end - other * FALLBACKS_SHARE * left
        )

    async def _instead(self, query: Query, passages: list[Passage], record: Record, end: float) -> Text:
        if self.stages.fallback is None:
            return "", (), ()
        tries.set([1 + (tries.get() or [0])[0]])
        return await self._generated(self.stages.fallback, query, passages, record, end)

    async def _generated(
        self, who: tuple[str, Generator], query: Query, passages: list[Passage], record: Record, end: float
    ) -> Text:
        name, generator = who
        guardrails = self.stages.guardrails.get("answer", ())
        stream = GuardedStream(guardrails, passages, record)
        with named("generator", name):
            async with _until(end, f"the generator '{name}' did not answer", self.plan.answer.deadline):
                messages = await self._prompt(generator, query, passages, record)
                with record.stage("generator", name, messages) as facts:
                    text = await self._written(generator, messages, stream, facts)
                    facts["passages"] = len(passages)
        text, citations, unknown = cite(text, passages)
        async with _until(end, "the answer was not checked", self.plan.answer.deadline):
            guarded = await guard_answer(text, guardrails, record)
        if guarded != text:  # the places of the markers moved
            text, citations, _ = cite(guarded, passages)
        stream.ended(text)
        return text, citations, unknown

    async def _prompt(self, generator: Generator, query: Query, passages: list[Passage], record: Record) -> list[Any]:
        options = self.plan.prompt
        most = min(options.pictures, getattr(generator, "images", 0))
        budget = Budget(most, int(options.megapixels * 1_000_000))
        with record.stage("prompt", "template") as facts:

            async def pick() -> tuple[KeptPictures, bool]:
                chosen, left_out = await choose(query, passages, budget, decode, record.scope.withheld)
                return KeptPictures(tuple(chosen), tuple(left_out)), "not_read" not in facts

            async def decode(path: Path) -> Picture:
                try:
                    return await self._decode(path)
                except ImagoraError:
                    facts["not_read"] = path.name
                    raise

            kept = await self._keeping.pictures(query, passages, budget, record, pick)
            pictures, left_out = kept.shown, list(kept.left_out)
            facts.update(pictures=sum(bool(picture.png) for picture in pictures), left_out=left_out)
            try:
                searched = self.stages.retriever is not None
                told = options.instructions if searched or "instructions" in options.model_fields_set else DESCRIBE
                template = options.template or (TEMPLATE if searched else PICTURES_ALONE)
                return build_prompt(query, passages, told, template=template, pictures=pictures)
            except TemplateError as error:
                raise StageError(f"the prompt's template failed: {error}", code="IMG-804") from error

    async def _written(self, generator: Any, messages: list[Any], stream: GuardedStream, facts: Any) -> str:
        if listener.get() is None or not hasattr(generator, "astream_chat"):
            response = await generator.achat(messages)
            facts.gave(response)
            return str(response.message.content or "")
        text, part = "", None
        async with aclosing(await generator.astream_chat(messages)) as parts:
            async for part in parts:
                text = part.message.content or text + (part.delta or "")
                await stream.grown(text)
        if part is not None:  # the last part may be a part alone, and whoever is told wants the whole
            message = part.message.model_copy(update={"blocks": [TextBlock(text=str(text))]})
            facts.gave(part.model_copy(update={"message": message}))
        return str(text)

    def _made(
        self,
        record: Record,
        text: str,
        citations: tuple[Citation, ...] = (),
        passages: tuple[Passage, ...] = (),
        **more: Any,
    ) -> Answer:
        stages, verdicts = tuple(record.stages), tuple(record.verdicts)
        more |= {"recipe": self.plan.name, "recipe_hash": self.plan.hash}
        return Answer(text, citations, passages, stages, verdicts, **more)


class _until:  # noqa: N801 - read as a word: async with _until(end, …)
    """Bounds what is in it by a moment of the loop's clock; past it, a StageError says what did not happen."""

    def __init__(self, end: float, what: str, deadline: float) -> None:
        self._timeout = asyncio.timeout_at(end)
        self._said = f"{what} within the deadline of {deadline:g} s"

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError as late:
            raise StageError(self._said, code="IMG-803") from late


def _passages(nodes: Iterable[NodeWithScore], reranker: str = "", before: Scores | None = None) -> list[Passage]:
    # A stranger's stage may give a node twice; the first is the better one. And always new passages: the stage's own
    # may be in its cache. A stranger's reranker gives plain nodes back: the scores of the legs, as they were `before`,
    # are put on again, and its own beside them. Plain numbers: some models give NumPy's.
    found: dict[str, Passage] = {}
    for given in nodes:
        if (node := given.node).node_id in found:
            continue
        score, scores = before.get(node.node_id, NOT_SEEN) if before else NOT_SEEN
        own = {reranker: given.score} if reranker and given.score is not None and given.score != score else {}
        known = given.scores if isinstance(given, Passage) else {}
        whole = {leg: float(value) for leg, value in {**scores, **own, **known}.items()}
        found[node.node_id] = Passage.of(node, None if given.score is None else float(given.score), whole)
    return list(found.values())
