"""The contract of retrievers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore

from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range
from imagora.query import Query
from imagora.stages import Retriever

from .built import Built
from .cancelling import cancelled_and_asked_again
from .golden import ITEMS, LONG, PICTURES, need, odd_pictures, picture_of

FILTERS = [(Eq("colour", "grey"), [7]), (In("number", (5, 6, 7)), [5, 6, 7]), (Eq("nowhere", 1), list[int]())]

FENCES: list[tuple[Filter, list[int]]] = [  # a tenant's clause, and beside it a filter that would take all
    (And((Eq("colour", "red"), Or((Eq("number", 1), Ne("number", 1))))), [0]),
    (And((Or((Range("number", gte=0), Eq("colour", "green"))), Eq("colour", "red"))), [0]),
    (And((In("colour", ("red", "green")), Not(Eq("number", 0)))), [1]),
    (And((Eq("colour", "red"), Eq("colour", "green"))), []),
    (And((And((Eq("colour", "red"),)), And(()))), [0]),
]


class RetrieverContract(Built):
    """Name the `component`, or give the fixture `stage`: a retriever over an index filled by `golden.fill`.

    words, pictures: what it can be asked with.
    """

    kind = "retriever"
    words = pictures = True

    def find(self, stage: Retriever, words: str = "drawing", **query: Any) -> list[dict[str, Any]]:
        asked = Query(words, **query) if self.words else Query("", pictures=(picture_of("red circle"),), **query)
        return [node.node.metadata for node in asyncio.run(stage.aretrieve(asked))]

    def test_passages_come_best_first_and_once(self, stage: Retriever) -> None:
        found = asyncio.run(stage.aretrieve(Query("drawing", pictures=(picture_of("red circle"),), top_k=8)))
        scores = [node.score or 0.0 for node in found]
        assert scores == sorted(scores, reverse=True)
        assert sorted(node.node.metadata["uri"] for node in found) == sorted(PICTURES)

    @pytest.mark.parametrize("top_k", [1, 3])
    def test_no_more_come_than_asked_for(self, stage: Retriever, top_k: int) -> None:
        assert len(self.find(stage, top_k=top_k)) == top_k

    @pytest.mark.parametrize(("condition", "fits"), FILTERS, ids=["one", "some", "none"])
    def test_the_filter_reaches_the_index(self, stage: Retriever, condition: Filter, fits: list[int]) -> None:
        assert sorted(item["number"] for item in self.find(stage, top_k=3, filter=condition)) == fits

    def test_words_find_what_they_name(self, stage: Retriever) -> None:
        need(self, "words")
        for words in PICTURES:
            assert words in [item["uri"] for item in self.find(stage, words, top_k=3)]

    def test_a_picture_finds_itself_first(self, stage: Retriever) -> None:
        need(self, "pictures")
        for words in PICTURES:
            query = Query("", pictures=(picture_of(words),))
            assert asyncio.run(stage.aretrieve(query))[0].node.metadata["uri"] == words

    def test_queries_at_once_do_not_mix(self, stage: Retriever) -> None:
        async def ask() -> list[list[NodeWithScore]]:
            pictures = () if self.words else (picture_of("red circle"),)
            queries = [Query("drawing", pictures=pictures, filter=Eq("number", number)) for number in range(8)]
            return await asyncio.gather(*(stage.aretrieve(query) for query in queries))

        numbers = [[node.node.metadata["number"] for node in found] for found in asyncio.run(ask())]
        assert numbers == [[number] for number in range(8)]

    @pytest.mark.parametrize(("fence", "fits"), FENCES, ids=[f"fence {number}" for number in range(len(FENCES))])
    def test_no_filter_beside_a_tenants_lets_others_through(
        self, stage: Retriever, fence: Filter, fits: list[int]
    ) -> None:
        assert [item["number"] for item in self.find(stage, top_k=8, filter=fence)] == fits

    def test_passages_are_the_items_as_they_were_written(self, stage: Retriever) -> None:
        pictures = () if self.words else (picture_of("red circle"),)
        found = asyncio.run(stage.aretrieve(Query("drawing" if self.words else "", pictures=pictures, top_k=8)))
        written = {item.uri: (item.text, {**item.metadata, "uri": item.uri}) for item in ITEMS}
        assert {n.node.metadata["uri"]: (n.node.get_content(), n.node.metadata) for n in found} == written

    def test_a_query_gets_the_same_each_time_in_a_loop_or_not(self, stage: Any) -> None:
        def plain(found: list[NodeWithScore]) -> list[tuple[str, Any]]:
            return [(node.node_id, pytest.approx(node.score)) for node in found]

        pictures = (picture_of("red circle"),) if self.pictures else ()
        query = Query("blue drawing" if self.words else "", pictures=pictures, top_k=5)
        first = plain(asyncio.run(stage.aretrieve(query)))
        assert plain(asyncio.run(stage.aretrieve(query))) == first
        assert not hasattr(stage, "retrieve") or plain(stage.retrieve(query)) == first

    def test_over_long_words_and_odd_pictures_find_something(self, stage: Retriever) -> None:
        need(self, "words" if self.words else "pictures")
        assert not self.words or len(self.find(stage, LONG, top_k=3)) == 3
        for picture in odd_pictures() if self.pictures else []:
            assert len(asyncio.run(stage.aretrieve(Query("", pictures=(picture,), top_k=3)))) == 3

    def test_a_query_that_is_cancelled_ends_and_harms_no_other(self, stage: Retriever) -> None:
        pictures = () if self.words else (picture_of("red circle"),)
        query = Query("blue drawing" if self.words else "", pictures=pictures, top_k=5)
        cancelled_and_asked_again(lambda: stage.aretrieve(query), lambda found: [node.node_id for node in found])
