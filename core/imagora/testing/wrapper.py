"""The contract of wrappers: every query its own answer, and failures as they are."""

from __future__ import annotations

import asyncio

import pytest

from imagora.answer import Answer
from imagora.errors import StageError
from imagora.filters import Eq
from imagora.query import Query
from imagora.stages import Wrapper

from .built import Built
from .cancelling import cancelled
from .golden import picture_of


class WrapperContract(Built):
    """Name the `component`, or give the fixture `stage`: a wrapper."""

    kind = "wrapper"

    def ask(self, stage: Wrapper, *queries: Query) -> None:
        asked: list[Query] = []

        def answer(query: Query) -> Answer:
            return Answer(f"{query.query_str} {query.filter} {query.top_k} {len(query.pictures)}", (), (), ())

        async def inner(query: Query) -> Answer:
            asked.append(query)
            await asyncio.sleep(0.001)
            return answer(query)

        async def ask() -> list[Answer]:
            return await asyncio.gather(*(stage.answer(query, inner) for query in queries))

        assert [said.text for said in asyncio.run(ask())] == [answer(query).text for query in queries]
        assert len(asked) <= len(queries)

    def test_an_answer_passes_through_and_is_worked_out_once(self, stage: Wrapper) -> None:
        self.ask(stage, Query("what is red"))
        self.ask(stage, Query("what is red"))

    def test_each_query_gets_its_own_answer(self, stage: Wrapper) -> None:
        picture = Query("q", pictures=(picture_of("red circle"),))
        queries = [picture, Query("q"), *(Query("q", filter=Eq("tenant", n)) for n in range(9)), Query("q", top_k=1)]
        self.ask(stage, *queries)
        self.ask(stage, *queries)

    def test_a_failure_comes_out_as_it_is(self, stage: Wrapper) -> None:
        async def broken(query: Query) -> Answer:
            raise StageError(f"the generator failed at '{query.query_str}'")

        with pytest.raises(StageError, match="the generator failed at 'red'"):
            asyncio.run(stage.answer(Query("red"), broken))

    def test_a_query_that_is_cancelled_ends_and_harms_no_other(self, stage: Wrapper) -> None:
        async def slow(query: Query) -> Answer:
            await asyncio.sleep(0.01 if query.top_k is None else 0)
            return Answer(f"{query.top_k}", (), (), ())

        async def ask() -> str:
            await cancelled(lambda: stage.answer(Query("red"), slow))
            return (await stage.answer(Query("red", top_k=3), slow)).text

        assert asyncio.run(ask()) == "3"
