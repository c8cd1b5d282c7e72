"""The contracts of retrievers and rerankers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore

from imagora.filters import Eq, Filter, In
from imagora.query import Query
from imagora.stages import Reranker, Retriever

from .golden import PICTURES, need, passages, picture_of

FILTERS = [(Eq("colour", "grey"), [7]), (In("number", (5, 6, 7)), [5, 6, 7]), (Eq("nowhere", 1), list[int]())]


class RetrieverContract:
    """Give the fixture `stage`: a retriever over an index that `imagora.testing.golden.fill` has filled.

    words, pictures: what it can be asked with.
    """

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


class RerankerContract:
    """Give the fixture `stage`: a reranker.

    pointwise: a passage's score does not depend on the other passages.
    """

    pointwise = True

    @pytest.fixture
    def nodes(self, tmp_path: Path) -> list[NodeWithScore]:
        return [*passages(tmp_path)]

    def rank(self, stage: Reranker, nodes: list[NodeWithScore], words: str = "a blue triangle") -> list[NodeWithScore]:
        return asyncio.run(stage.apostprocess_nodes(nodes, Query(words, pictures=(picture_of("blue triangle"),))))

    @pytest.mark.parametrize("words", ["a blue triangle", ""])
    def test_it_gives_what_it_got_each_once(self, stage: Reranker, nodes: list[NodeWithScore], words: str) -> None:
        given, before = {node.node_id: node.node.model_dump() for node in nodes}, [node.model_dump() for node in nodes]
        ranked = self.rank(stage, received := list(nodes), words)
        assert ranked and len({node.node_id for node in ranked}) == len(ranked)
        assert all(given[node.node_id] == node.node.model_dump() for node in ranked)
        assert [node.model_dump() for node in received] == before, "what it got stays as it was"
        assert ranked == self.rank(stage, nodes, words), "twice the same"

    def test_its_scores_are_best_first(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        before, ranked = {node.node_id: node.score for node in nodes}, self.rank(stage, nodes)
        # Passages that it did not score keep scores on another scale, such as pictures without words.
        scores = [node.score for node in ranked if node.score is not None and before[node.node_id] != node.score]
        assert scores == sorted(scores, reverse=True)

    def test_a_score_is_its_own_passages(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        need(self, "pointwise")
        together = {node.node_id: node.score for node in self.rank(stage, nodes[::-1])}
        for alone in [node for given in nodes for node in self.rank(stage, [given])]:
            assert together.get(alone.node_id, alone.score) == pytest.approx(alone.score, abs=1e-3)

    def test_it_copes_with_few_passages(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        assert self.rank(stage, []) == []
        assert [node.node_id for node in self.rank(stage, nodes[-1:])] == [nodes[-1].node_id], "a picture without words"
        assert self.rank(stage, [node.model_copy(update={"score": None}) for node in nodes]), "passages without scores"
