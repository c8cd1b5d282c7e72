"""The router: several recipes in one process, one of which answers each query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, Unpack

from imagora.answer import Answer, Found, StageRecord
from imagora.catalog import Catalog
from imagora.door import Door
from imagora.errors import QueryError, RecipeError, did_you_mean
from imagora.events import AnswerDone, Event, TextPart
from imagora.pipeline import Pipeline, QueryParts
from imagora.query import Query
from imagora_recipe.tree import Mark

from .attempt import Attempt
from .file import RouterPlan, dotted, fallbacks, read_router, unknown_names
from .making import PipelineMaker
from .route import Route, RouteHealth
from .rules import Asked, Choice

ResultT = TypeVar("ResultT", Answer, Found)


class Router:
    """Holds several recipes, chooses one for each query, exchanges them while they answer, and falls back.

    The first rule that fits a query chooses; without one, `default` does, and a single recipe needs neither. Every
    answer comes from exactly one pipeline: the one that was there when its query began. A router may be used from many
    tasks and threads at once. Close it, or use it in a `with`.
    """

    def __init__(self, plan: RouterPlan, catalog: Catalog | None = None) -> None:
        wrong = [Mark("<router>").problem(code, dotted(place), what) for code, place, what in unknown_names(plan)]
        if wrong:
            raise RecipeError(wrong)
        self.plan = plan
        self._rules = plan.chooser()
        self._door = Door()
        self._make = PipelineMaker(plan, catalog)
        made = self._make.all()
        self._routes = {
            name: Route(name, plan.recipes[name].file, pipeline, plan.health) for name, pipeline in made.items()
        }

    @classmethod
    def load(cls, file: str | Path, catalog: Catalog | None = None) -> Router:
        """Make the router that a file describes; raise RecipeError with what is wrong in it or in a recipe of it."""
        return cls(read_router(file), catalog)

    # Choosing.

    def choose(self, asked: Asked | Query, recipe: str | None = None) -> Choice:
        """Say which recipe a query goes to, and why: the one that is named, or what the rules say."""
        if recipe is not None:
            self._route(recipe)
            return Choice(recipe, "named")
        if isinstance(asked, Query):
            asked = Asked(asked.query_str, bool(asked.pictures), asked.principal)
        return self._rules.choose(asked)

    def recipes(self) -> tuple[str, ...]:
        """Give the names of the recipes."""
        return tuple(self._routes)

    def pipeline(self, recipe: str) -> Pipeline:
        """Give the pipeline that answers a recipe's next query; it is closed some time after an exchange."""
        return self._route(recipe).pipeline

    # Asking: the same doors as a pipeline has.

    async def answer(self, query: Query, recipe: str | None = None) -> Answer:
        """Answer a query by the recipe that is named, or by the one that the rules choose."""
        return await self._through(self.choose(query, recipe), lambda pipeline: pipeline.answer(query))

    async def retrieve(self, query: Query, recipe: str | None = None) -> Found:
        """Find passages for a query, by the recipe that is named or chosen."""
        return await self._through(self.choose(query, recipe), lambda pipeline: pipeline.retrieve(query))

    async def stream(self, query: Query, recipe: str | None = None) -> AsyncGenerator[Event, None]:
        """Answer a query in events, as `Pipeline.stream` does.

        A fallback takes over only before the first word; its passages then come again, and count in place of the first.
        """
        choice, started = self.choose(query, recipe), time.perf_counter()
        failed: list[str] = []
        for attempt in self._attempts(choice.recipe, failed):
            with attempt as pipeline:
                async with aclosing(pipeline.stream(query)) as events:
                    async for event in events:
                        if isinstance(event, AnswerDone):
                            yield AnswerDone(_recorded(event.answer, choice, attempt, started))
                        else:
                            attempt.is_last = attempt.is_last or isinstance(event, TextPart)
                            yield event
                return

    def ask(self, words: str = "", *, recipe: str | None = None, **parts: Unpack[QueryParts]) -> Answer:
        """Answer a question in words, pictures or both; see `imagora.pipeline.QueryParts` for what else there is."""
        return self._door.run(self.aask(words, recipe=recipe, **parts))

    async def aask(self, words: str = "", *, recipe: str | None = None, **parts: Unpack[QueryParts]) -> Answer:
        """Do what `ask` does, in your own event loop."""
        choice, parts = self._chosen(words, recipe, parts)
        return await self._through(choice, lambda pipeline: pipeline.aask(words, **parts))

    def search(self, words: str = "", *, recipe: str | None = None, **parts: Unpack[QueryParts]) -> Found:
        """Find passages for words, pictures or both, without an answer."""
        return self._door.run(self.asearch(words, recipe=recipe, **parts))

    async def asearch(self, words: str = "", *, recipe: str | None = None, **parts: Unpack[QueryParts]) -> Found:
        """Do what `search` does, in your own event loop."""
        choice, parts = self._chosen(words, recipe, parts)
        return await self._through(choice, lambda pipeline: pipeline.asearch(words, **parts))

    # Exchanging.

    def reload(self, recipe: str | None = None, file: str | Path | None = None, *, fresh: bool = False) -> None:
        """Read a recipe again, or all of them, and let the new pipeline answer from the next query on.

        file: another recipe in this one's place. fresh: load models anew, too; else equal embedders are kept. The new
        pipeline is built, its index opened and asked once before; where any of that fails, the error is raised, and the
        pipeline that is there goes on answering.
        """
        self._door.run(self.areload(recipe, file, fresh=fresh))

    async def areload(self, recipe: str | None = None, file: str | Path | None = None, *, fresh: bool = False) -> None:
        """Do what `reload` does, in your own event loop."""
        routes = [self._route(recipe)] if recipe is not None else list(self._routes.values())
        if file is not None and recipe is None:
            raise QueryError("say which recipe the file takes the place of: reload(recipe, file)", code="IMG-511")
        for route in routes:
            await asyncio.to_thread(route.exchange.acquire)
            try:
                wanted = route.file if file is None else file
                route.put(wanted, await self._make.ready(route.name, wanted, fresh=fresh))
            finally:
                route.exchange.release()

    def health(self) -> dict[str, RouteHealth]:
        """Say how every recipe does, by name."""
        return {name: route.health() for name, route in self._routes.items()}

    def close(self) -> None:
        """Close every pipeline, once the queries in it have ended."""
        for route in self._routes.values():
            route.close()
        self._door.close()

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _route(self, name: str) -> Route:
        if name not in self._routes:
            raise QueryError(f"there is no recipe called '{name}'{did_you_mean(name, self._routes)}", code="IMG-511")
        return self._routes[name]

    def _chosen(self, words: str, recipe: str | None, parts: QueryParts) -> tuple[Choice, QueryParts]:
        parts = {**parts, "pictures": tuple(parts.get("pictures", ()))}  # for a second recipe, too
        asked = Asked(words, bool(parts["pictures"]), parts.get("principal"))
        return self.choose(asked, recipe), parts

    def _attempts(self, recipe: str, failed: list[str]) -> Iterator[Attempt]:
        """Give the recipes to try, in their order; those that fail at present are passed over."""
        names = (recipe, *fallbacks(self.plan, recipe))
        for name in names:
            route, is_last = self._routes[name], name == names[-1]
            if is_last or route.may_try():
                yield Attempt(route, failed, is_last=is_last)
            else:
                failed.append(f"'{name}' is failing: {route.health().because}")

    async def _through(self, choice: Choice, call: Callable[[Pipeline], Awaitable[ResultT]]) -> ResultT:
        started = time.perf_counter()
        failed: list[str] = []
        for attempt in self._attempts(choice.recipe, failed):
            with attempt as pipeline:
                return _recorded(await call(pipeline), choice, attempt, started)
        raise AssertionError("the last attempt gives a result or raises")


def _recorded(result: ResultT, choice: Choice, attempt: Attempt, started: float) -> ResultT:
    facts: dict[str, Any] = {"because": choice.because}
    if attempt.failed:
        facts |= {"instead_of": choice.recipe, "failed": list(attempt.failed)}
    spent = sum(stage.seconds for stage in result.stages)
    seconds = max(time.perf_counter() - started - spent, 0.0)
    return replace(result, stages=(StageRecord("router", attempt.route.name, seconds, facts), *result.stages))
