"""Faulty wrappers: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from typing import Any

from imagora import testing as t
from toy_stages import ToyCounter

from faulty.making import stage


class FaultyRetry(t.WrapperContract):
    """Every query is answered twice."""

    fails = "test_an_answer_passes_through_and_is_worked_out_once"

    class Again(ToyCounter):
        async def answer(self, query: Any, inner: Any) -> Any:
            await inner(query)
            return await inner(query)

    stage = stage(lambda: FaultyRetry.Again(""))


class FaultyCache(t.WrapperContract):
    """The cache's key is the words alone: not the filter, not the pictures, not the number asked for."""

    real = "LlamaIndex #23002"
    fails = "test_each_query_gets_its_own_answer"

    class Cache(ToyCounter):
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        async def answer(self, query: Any, inner: Any) -> Any:
            if query.query_str not in self.kept:
                self.kept[query.query_str] = await inner(query)
            return self.kept[query.query_str]

    stage = stage(Cache)


class FaultySwallowing(t.WrapperContract):
    """An error comes out as another one, without its words."""

    error = "RuntimeError"
    fails = "test_a_failure_comes_out_as_it_is"

    class Swallowing(ToyCounter):
        async def answer(self, query: Any, inner: Any) -> Any:
            try:
                return await inner(query)
            except Exception as failure:
                raise RuntimeError("something failed") from failure

    stage = stage(lambda: FaultySwallowing.Swallowing(""))


class FaultyCancelledWrapper(t.WrapperContract):
    """A query that is cancelled is answered all the same."""

    fails = "test_a_query_that_is_cancelled_ends_and_harms_no_other"

    class Stubborn(ToyCounter):
        async def answer(self, query: Any, inner: Any) -> Any:
            try:
                return await inner(query)
            except asyncio.CancelledError:
                return await inner(query)

    stage = stage(lambda: FaultyCancelledWrapper.Stubborn(""))
