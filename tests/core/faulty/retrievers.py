"""Faulty retrievers: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from imagora import testing as t
from imagora.testing.golden import fill
from toy_embedders import ToyColour
from toy_index import ToyMemory
from toy_stages import ToyRetriever

from faulty.making import later, method, stage


def _retriever(kind: Any) -> Any:
    def build() -> Any:
        embedders = {"image": ToyColour(), "text": ToyColour()}
        fill(index := ToyMemory(), embedders)
        return kind(8, {}, "rrf", embedders, index)

    return stage(build)


class FaultyWorstFirst(t.RetrieverContract):
    """The worst passage comes first."""

    fails = "test_passages_come_best_first_and_once"
    stage = _retriever(later(ToyRetriever, "aretrieve", lambda found, query: found[::-1]))


class FaultyTopK(t.RetrieverContract):
    """Four passages come, whatever was asked for."""

    fails = "test_no_more_come_than_asked_for"

    class Fixed(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, top_k=4))

    stage = _retriever(Fixed)


class FaultyUnfiltered(t.RetrieverContract):
    """The query's filter is not passed on."""

    fails = "test_the_filter_reaches_the_index"

    class Unfiltered(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, filter=None))

    stage = _retriever(Unfiltered)


class FaultyWordless(t.RetrieverContract):
    """The query's words are not read."""

    fails = "test_words_find_what_they_name"

    class Wordless(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, query_str="drawing"))

    stage = _retriever(Wordless)


class FaultyBlind(t.RetrieverContract):
    """The query's pictures are not looked at."""

    fails = "test_a_picture_finds_itself_first"

    class Blind(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, query_str="drawing", pictures=()))

    stage = _retriever(Blind)


class FaultyRetrieverAtOnce(t.RetrieverContract):
    """Two queries at once get one answer."""

    fails = "test_queries_at_once_do_not_mix"

    class Held(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            self.held = query
            await asyncio.sleep(0)
            return await super().aretrieve(self.held)

    stage = _retriever(Held)


class FaultyConcatenated(t.RetrieverContract):
    """What the text leg finds stands behind what the picture leg found, on another scale and twice."""

    real = "LlamaIndex's MultiModalVectorStoreIndex"
    fails = "test_passages_come_best_first_and_once"

    class Concatenating(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            found = []
            for leg in ("image", "text"):
                self.weights = {leg: 1.0}
                found += await super().aretrieve(query)
            return found

    stage = _retriever(Concatenating)


class FaultyFence(t.RetrieverContract):
    """It passes on the first condition only: what stands beside the query's own filter is lost."""

    real = "LlamaIndex's qdrant_filters"
    fails = "test_no_filter_beside_a_tenants_lets_others_through"

    class FirstOnly(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            parts = getattr(query.filter, "parts", ())
            return await super().aretrieve(replace(query, filter=parts[0] if parts else query.filter))

    stage = _retriever(FirstOnly)


class FaultyTextless(t.RetrieverContract):
    """Passages with a picture come without their words."""

    real = "LlamaIndex's ImageNode.get_content_blocks"
    fails = "test_passages_are_the_items_as_they_were_written"
    stage = _retriever(
        later(
            ToyRetriever,
            "aretrieve",
            lambda found, query: [setattr(one.node, "text_resource", None) or one for one in found],
        )
    )


class FaultySync(t.RetrieverContract):
    """Outside of a loop it finds other passages."""

    fails = "test_a_query_gets_the_same_each_time_in_a_loop_or_not"
    stage = _retriever(method(ToyRetriever, "retrieve", lambda found, query: found[1:]))


class FaultyLongQuery(t.RetrieverContract):
    """An over-long query is an error."""

    error = "ValueError"
    fails = "test_over_long_words_and_odd_pictures_find_something"

    class Short(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            if len(query.query_str) > 10_000:
                raise ValueError("too many tokens")
            return await super().aretrieve(query)

    stage = _retriever(Short)


class FaultyCancelledQuery(t.RetrieverContract):
    """A query that is cancelled leaves its own number of passages to the next one."""

    fails = "test_a_query_that_is_cancelled_ends_and_harms_no_other"

    class Fragile(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            kept, self.weights = self.weights, {}
            await asyncio.sleep(0.005)
            self.weights = kept
            return await super().aretrieve(query)

    stage = _retriever(Fragile)
