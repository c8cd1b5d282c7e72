"""The road of a query: guardrails, retriever, rerankers, guardrails, prompt, generator, citations, guardrails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from llama_index.core.schema import NodeWithScore

from .answer import Answer, Found, Passage
from .assembly import Stages, assemble, picture_decoder
from .catalog import Catalog
from .citations import cite
from .door import Door
from .errors import PictureError, QueryError
from .filters import Filter
from .guarding import Refused, guard_answer, guard_passages, guard_query
from .item import Picture
from .pictures import PictureDecoder
from .prompt import build_prompt
from .query import Query
from .recipe.check import check
from .recipe.plan import Plan
from .record import Record, named
from .tracing import Traced

if TYPE_CHECKING:
    from .ingest_report import IngestReport, Progress

Scores: TypeAlias = dict[str, tuple[float | None, dict[str, float]]]


class Pipeline:
    """The built stages of a recipe; `answer` and `retrieve` are the road of a query, the rest are doors to it.

    A pipeline may be used from many tasks and threads at once. Close it, or use it in a `with`, to let go of the index.
    """

    def __init__(self, plan: Plan, stages: Stages) -> None:
        self.plan = plan
        self.stages = stages
        self._door = Door()
        self._opening = threading.Lock()
        self._is_open = False

    async def answer(self, query: Query) -> Answer:
        """Answer a query from the index, with citations; wrappers stand around the whole of it."""
        if self.stages.generator is None:
            raise QueryError(f"the recipe '{self.plan.name}' has no generator: search with it, or add one to it")
        call: Callable[[Query], Awaitable[Answer]] = self._answer
        for _, wrapper in reversed(self.stages.wrappers):
            call = partial(wrapper.answer, inner=call)
        with self.stages.tracer.query(self._traced("answer", query)) as span:
            answer = await call(query)
            span.gave(answer)
            return answer

    async def retrieve(self, query: Query) -> Found:
        """Find passages for a query, best first, after rerankers and guardrails."""
        record = Record(self.stages.tracer)
        with record.tracer.query(self._traced("search", query)) as span:
            try:
                _, passages = await self._passages(query, record)
            except Refused as refused:
                raise QueryError(str(refused)) from refused
            found = Found(tuple(passages), tuple(record.stages), tuple(record.verdicts))
            span.gave(found)
            return found

    def _traced(self, kind: str, query: Query) -> Traced:
        return Traced(kind, self.plan.name, self.plan.hash, self._plugins, query, self._hidden)

    @cached_property
    def _plugins(self) -> dict[str, str]:
        return {planned.offer.plugin.name: planned.offer.plugin.version for planned in self.plan.components()}

    @cached_property
    def _hidden(self) -> bool:
        # Fail closed: what a guardrail does to a text is not known here, so its being there hides all of it.
        return any(self.plan.guardrails.values())

    async def _answer(self, query: Query) -> Answer:
        record = Record(self.stages.tracer)
        try:
            query, passages = await self._passages(query, record)
            shown = passages[: self.plan.prompt.passages]
            record.scope.passages = tuple(shown)
            text, citations, unknown = cite(await self._generate(query, shown, record), shown)
            guarded = await guard_answer(text, self.stages.guardrails.get("answer", ()), record)
            if guarded != text:  # the places of the markers moved
                text, citations, _ = cite(guarded, shown)
        except Refused as refused:
            return self._made(record, str(refused), refused=True)
        return replace(self._made(record, text), citations=citations, passages=tuple(passages), unknown_markers=unknown)

    def _made(self, record: Record, text: str, *, refused: bool = False) -> Answer:
        stages, verdicts = tuple(record.stages), tuple(record.verdicts)
        made = Answer(text, (), (), stages, verdicts, refused=refused)
        return replace(made, recipe=self.plan.name, recipe_hash=self.plan.hash)

    async def _passages(self, query: Query, record: Record) -> tuple[Query, list[Passage]]:
        query = await guard_query(query, self.stages.guardrails.get("query", ()), record)
        if self.stages.retriever is None:
            return query, []
        name, retriever = self.stages.retriever
        with record.stage("retriever", name, query) as facts, named("retriever", name):
            await self._open_index()
            passages = _once(_as_passage(node, {}) for node in await retriever.aretrieve(self._wide(query)))
            facts["passages"] = len(passages)
            facts.gave(passages)
        for name, reranker in self.stages.rerankers:
            with record.stage("reranker", name, passages) as facts, named("reranker", name):
                # Noted before: many rerankers write their scores into the very passages that they are given.
                before = {passage.node_id: (passage.score, dict(passage.scores)) for passage in passages}
                nodes = await reranker.apostprocess_nodes(list(passages), query_bundle=query)
                passages = _once(_as_passage(node, _scores(before, node, name)) for node in nodes)
                facts["passages"] = len(passages)
                facts.gave(passages)
        if query.top_k is not None:
            passages = passages[: query.top_k]
        return query, await guard_passages(passages, self.stages.guardrails.get("passages", ()), record)

    def _wide(self, query: Query) -> Query:
        # Rerankers choose among what the recipe retrieves, not among the few passages that are wanted in the end.
        usual = getattr(self.plan.retriever.options, "top_k", None) if self.plan.retriever else None
        if not self.stages.rerankers or query.top_k is None or usual is None or query.top_k >= usual:
            return query
        return replace(query, top_k=usual)

    async def _generate(self, query: Query, passages: list[Passage], record: Record) -> str:
        assert self.stages.generator is not None  # noqa: S101 - `answer` looked
        name, generator = self.stages.generator
        messages = build_prompt(query, passages, self.plan.prompt.instructions)
        with record.stage("generator", name, messages) as facts, named("generator", name):
            response = await generator.achat(messages)
            facts["passages"] = len(passages)
            facts.gave(response)
        return response.message.content or ""

    # The doors: words and pictures as people have them, synchronous and asynchronous.

    def ask(
        self,
        words: str = "",
        *,
        pictures: Iterable[str | Path | bytes | Picture] = (),
        filter: Filter | None = None,  # noqa: A002 - the word that the command line and recipes use
        top_k: int | None = None,
    ) -> Answer:
        """Answer a question in words, pictures (files or their bytes) or both; `filter` is a condition on metadata."""
        return self._door.run(self.aask(words, pictures=pictures, filter=filter, top_k=top_k))

    async def aask(
        self,
        words: str = "",
        *,
        pictures: Iterable[str | Path | bytes | Picture] = (),
        filter: Filter | None = None,  # noqa: A002 - as in `ask`
        top_k: int | None = None,
    ) -> Answer:
        """Do what `ask` does, in your own event loop."""
        return await self.answer(await self._query(words, pictures, filter, top_k))

    def search(
        self,
        words: str = "",
        *,
        pictures: Iterable[str | Path | bytes | Picture] = (),
        filter: Filter | None = None,  # noqa: A002 - as in `ask`
        top_k: int | None = None,
    ) -> Found:
        """Find passages for words, pictures or both, best first, without an answer."""
        return self._door.run(self.asearch(words, pictures=pictures, filter=filter, top_k=top_k))

    async def asearch(
        self,
        words: str = "",
        *,
        pictures: Iterable[str | Path | bytes | Picture] = (),
        filter: Filter | None = None,  # noqa: A002 - as in `ask`
        top_k: int | None = None,
    ) -> Found:
        """Do what `search` does, in your own event loop."""
        return await self.retrieve(await self._query(words, pictures, filter, top_k))

    def ingest(
        self,
        source: str | Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        limit: int | None = None,
    ) -> IngestReport:
        """Bring the index up to date with the recipe's source, or with another path for it; see `imagora.ingest`."""
        from imagora_ingestion.door import ingest

        return ingest(self.plan, self.stages, source=source, limit=limit, on_progress=on_progress)

    def close(self) -> None:
        """Let go of the index and of worker processes."""
        with self._opening:
            self._is_open = False
            if self.stages.index is not None:
                self.stages.index.close()
        if (decoder := self.__dict__.pop("_decoder", None)) is not None:
            decoder.close()
        self._door.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _open_index(self) -> None:
        if self.stages.index is not None and not self._is_open:
            await asyncio.to_thread(self._opened)  # it may read weights for their hash

    def _opened(self) -> None:
        with self._opening:
            if self.stages.index is not None and not self._is_open:
                identities = {leg: embedder.identity() for leg, embedder in self.stages.embedders.items()}
                self.stages.index.open(identities, create=False)
                self._is_open = True

    @cached_property
    def _decoder(self) -> PictureDecoder:
        return picture_decoder(self.plan, workers=1)

    async def _query(
        self, words: str, pictures: Iterable[str | Path | bytes | Picture], where: Filter | None, top_k: int | None
    ) -> Query:
        decoded = [await self._decoded(picture) for picture in pictures]
        return Query(query_str=words, pictures=tuple(decoded), filter=where, top_k=top_k)

    async def _decoded(self, picture: str | Path | bytes | Picture) -> Picture:
        if isinstance(picture, Picture):
            return picture
        source = picture if isinstance(picture, bytes) else Path(picture)
        try:
            return await asyncio.to_thread(self._decoder.decode, source)
        except PictureError as error:
            which = f"the picture '{source}'" if isinstance(source, Path) else "the picture"
            raise PictureError(f"{which} cannot be used: {error}") from error


def load(recipe: str | Path, catalog: Catalog | None = None) -> Pipeline:
    """Check a recipe (a shipped one's name, or a file), build it and give its pipeline."""
    plan = check(recipe, catalog)
    return Pipeline(plan, assemble(plan))


def _as_passage(node: NodeWithScore, scores: dict[str, float]) -> Passage:
    # Always a new one: the stage's own may be in its cache. And plain numbers: some models give NumPy's.
    known = node.scores if isinstance(node, Passage) else {}
    score = None if node.score is None else float(node.score)
    return Passage(node=node.node, score=score, scores={leg: float(s) for leg, s in {**scores, **known}.items()})


def _once(passages: Iterable[Passage]) -> list[Passage]:
    # A stranger's retriever may give a node twice; the first is the better one.
    found: dict[str, Passage] = {}
    for passage in passages:
        found.setdefault(passage.node_id, passage)
    return list(found.values())


def _scores(before: Scores, node: NodeWithScore, name: str) -> dict[str, float]:
    # A stranger's reranker gives plain nodes back: the scores of the legs are put on again, and its own beside them.
    score, scores = before.get(node.node_id, (None, {}))
    new = {name: node.score} if node.score is not None and node.score != score else {}
    return {**scores, **new}
