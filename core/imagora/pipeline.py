"""The road of a query: guardrails, retriever, rerankers, guardrails, prompt, generator, citations, guardrails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from imagora_answering.guarding import Refused
from imagora_answering.road import QueryRoad
from imagora_answering.times import StageTimes, times_file
from imagora_recipe.check import check
from imagora_recipe.plan import Plan

from .answer import Answer, Found
from .assembly import Stages, assemble, picture_decoder
from .catalog import Catalog
from .door import Door
from .errors import PictureError, QueryError
from .events import AnswerDone, Event, listener
from .filters import Filter
from .item import Picture
from .pictures import PictureDecoder
from .query import Principal, Query
from .record import Record
from .scoped import principal
from .stages import SearchWrapper
from .tracing import Traced, TracerWithPages, trace_of

if TYPE_CHECKING:
    from imagora_recipe.assignments import Assignments

    from .ingest_report import IngestReport, Progress


_DECODERS = 2
"""Processes that decode the pictures of queries; the second one starts only where two pictures come at once."""


class QueryParts(TypedDict, total=False):
    """What a query may have besides its words.

    pictures, negative_pictures: files, their bytes, or pictures that are decoded. The rest is as in `imagora.Query`.
    """

    pictures: Iterable[str | Path | bytes | Picture]
    filter: Filter | None
    top_k: int | None
    negative: str
    negative_pictures: Iterable[str | Path | bytes | Picture]
    weights: Mapping[str, float]
    principal: Principal | None
    picture_words: tuple[str, ...]
    session: str
    fresh: bool


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
        self._decoders: dict[bool, PictureDecoder] = {}  # by whether what they give is compressed

    async def answer(self, query: Query) -> Answer:
        """Answer a query from the index, with citations; wrappers stand around the whole of it."""
        if self.stages.generator is None:
            raise QueryError(
                f"the recipe '{self.plan.name}' has no generator: search with it, or add one to it", code="IMG-506"
            )
        principal.set(query.principal)
        call: Callable[[Query], Awaitable[Answer]] = self._answer
        for _, wrapper in reversed(self.stages.wrappers):
            call = partial(wrapper.answer, inner=call)
        with self.stages.tracer.query(self._traced("answer", query)) as span:
            answer = await call(query)
            span.gave(answer)
            return replace(answer, trace=trace) if (trace := trace_of(span)) else answer

    async def stream(self, query: Query) -> AsyncGenerator[Event, None]:
        """Answer a query in events: stages as they end, the passages, the text as it grows, and the whole answer.

        Leaving it, as with `aclosing`, or cancelling it ends the work, the generator's too. It fails as `answer` does.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        async def answered() -> Answer:
            listener.set(events.put_nowait)
            return await self.answer(query)

        task = asyncio.create_task(answered())
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield AnswerDone(task.result())
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def retrieve(self, query: Query) -> Found:
        """Find passages for a query, best first, after rerankers and guardrails."""
        principal.set(query.principal)
        call: Callable[[Query], Awaitable[Found]] = self._found
        for wrapper in self._around_searches:
            call = partial(wrapper.search, inner=call)
        with self.stages.tracer.query(self._traced("search", query)) as span:
            try:
                found = await call(query)
            except Refused as refused:
                raise QueryError(str(refused), code=refused.code) from refused
            span.gave(found)
            return replace(found, trace=trace) if (trace := trace_of(span)) else found

    def trace_address(self, trace: str) -> str | None:
        """Give the address at which people look at an answer's `trace`; None where the tracer has no pages."""
        tracer = self.stages.tracer
        return tracer.address(trace) if trace and isinstance(tracer, TracerWithPages) else None

    def _traced(self, kind: str, query: Query) -> Traced:
        return Traced(kind, self.plan.name, self.plan.hash, self._plugins, query, self._hidden)

    @cached_property
    def _around_searches(self) -> tuple[SearchWrapper, ...]:
        """The wrappers that also stand around a search, the innermost first; Python looks at all methods to say so."""
        return tuple(one for _, one in reversed(self.stages.wrappers) if isinstance(one, SearchWrapper))

    @cached_property
    def _plugins(self) -> dict[str, str]:
        return {planned.offer.plugin.name: planned.offer.plugin.version for planned in self.plan.components()}

    @cached_property
    def _hidden(self) -> bool:
        # Fail closed: what a guardrail does to a text is not known here, so its being there hides all of it.
        return any(self.plan.guardrails.values())

    async def _answer(self, query: Query) -> Answer:
        record = Record(self.stages.tracer)
        answer = await self._road.answer(query, record)
        self._times.add("answer", self.plan.hash, record.stages)
        return answer

    async def _found(self, query: Query) -> Found:
        record = Record(self.stages.tracer)
        _, passages = await self._road.passages(query, record)
        self._times.add("search", self.plan.hash, record.stages)
        return Found(tuple(passages), tuple(record.stages), tuple(record.verdicts))

    @cached_property
    def _times(self) -> StageTimes:
        return StageTimes(times_file(self.stages.index, self.plan.name))

    @cached_property
    def _road(self) -> QueryRoad:
        return QueryRoad(self.plan, self.stages, self.ready, self._decoded)

    # The doors: words and pictures as people have them, synchronous and asynchronous.

    def ask(self, words: str = "", **parts: Unpack[QueryParts]) -> Answer:
        """Answer a question in words, pictures or both; see `QueryParts` for what else there is to say."""
        return self._door.run(self.aask(words, **parts))

    async def aask(self, words: str = "", **parts: Unpack[QueryParts]) -> Answer:
        """Do what `ask` does, in your own event loop."""
        return await self.answer(await self.query(words, **parts))

    def search(self, words: str = "", **parts: Unpack[QueryParts]) -> Found:
        """Find passages for words, pictures or both, best first, without an answer."""
        return self._door.run(self.asearch(words, **parts))

    async def asearch(self, words: str = "", **parts: Unpack[QueryParts]) -> Found:
        """Do what `search` does, in your own event loop."""
        # Its pictures go no further than to embedders in this process.
        return await self.retrieve(await self._query(words, parts, compress=False))

    async def query(self, words: str = "", **parts: Unpack[QueryParts]) -> Query:
        """Make a query of words and of pictures, which are decoded within the recipe's limits."""
        return await self._query(words, parts, compress=True)

    async def _query(self, words: str, parts: QueryParts, *, compress: bool) -> Query:
        whole: dict[str, Any] = dict(parts)
        for name in ("pictures", "negative_pictures"):
            pictures = [await self._decoded(picture, compress=compress) for picture in whole.get(name, ())]
            whole[name] = tuple(pictures)
        return Query(query_str=words, **whole)

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
        for _, wrapper in self.stages.wrappers:
            if (close := getattr(wrapper, "close", None)) is not None:
                close()
        if (times := self.__dict__.get("_times")) is not None:
            times.flush()
        while self._decoders:
            self._decoders.popitem()[1].close()
        self.stages.tracer.close()
        self._door.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def ready(self) -> None:
        """Open the index, so that the first query need not wait for it; raise what is wrong with it."""
        if self.stages.index is not None and not self._is_open:
            await asyncio.to_thread(self._opened)  # it may read weights for their hash

    def _opened(self) -> None:
        with self._opening:
            if self.stages.index is not None and not self._is_open:
                identities = {leg: embedder.identity() for leg, embedder in self.stages.embedders.items()}
                self.stages.index.open(identities, create=False)
                self._is_open = True

    def _decoder(self, *, compress: bool) -> PictureDecoder:
        if (decoder := self._decoders.get(compress)) is None:
            new = picture_decoder(self.plan, workers=_DECODERS, compress=compress)
            decoder = self._decoders.setdefault(compress, new)  # another thread may have been here
        return decoder

    async def _decoded(self, picture: str | Path | bytes | Picture, *, compress: bool = True) -> Picture:
        if isinstance(picture, Picture):
            return picture
        source = picture if isinstance(picture, bytes) else Path(picture)
        try:
            return await asyncio.to_thread(self._decoder(compress=compress).decode, source)
        except PictureError as error:
            which = f"the picture '{source}'" if isinstance(source, Path) else "the picture"
            raise PictureError(f"{which} cannot be used: {error}", code=error.code) from error


def load(
    recipe: str | Path,
    catalog: Catalog | None = None,
    *,
    profile: str | None = None,
    set: Assignments | None = None,  # noqa: A002 - as the command line calls it
    locked: bool = False,
) -> Pipeline:
    """Check a recipe (a shipped one's name, or a file), build it and give its pipeline.

    profile: one of the recipe's, or more with commas between; None means what IMAGORA_PROFILE says. set: values by
    their paths, such as {"index.path": "./index"}, or as the command line has them: ["index.path=./index"].
    locked: raise RecipeError unless everything is as the recipe's lock says; see `imagora recipe lock`.
    """
    plan = check(recipe, catalog, profile=profile, said=set)
    stages = assemble(plan)
    if locked:
        from imagora_recipe_tools.unlocked import refuse_unlocked

        refuse_unlocked(plan, stages)
    return Pipeline(plan, stages)
