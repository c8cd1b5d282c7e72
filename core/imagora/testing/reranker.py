"""The contract of rerankers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from imagora_batching.options import GATHERED, Batching, suited
from llama_index.core.schema import MediaResource, NodeWithScore

from imagora.query import Query
from imagora.stages import Reranker

from .built import Built
from .cancelling import cancelled_and_asked_again
from .golden import LONG, PICTURES, need, passages, picture_of


class RerankerContract(Built):
    """Name the `component`, or give the fixture `stage`: a reranker.

    pointwise: a passage's score does not depend on the other passages.
    """

    kind = "reranker"
    pointwise = True

    @pytest.fixture
    def nodes(self, tmp_path: Path) -> list[NodeWithScore]:
        return [*passages(tmp_path)]

    def rank(self, stage: Reranker, nodes: list[NodeWithScore], words: str = "a blue triangle") -> list[NodeWithScore]:
        return asyncio.run(stage.apostprocess_nodes(nodes, Query(words, pictures=(picture_of("blue triangle"),))))

    def test_what_it_says_of_batching_can_be(self, stage: Any) -> None:
        for what in GATHERED:
            suited(stage, what, Batching())

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

    def test_passages_without_scores_are_ranked(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        assert self.rank(stage, [node.model_copy(update={"score": None}) for node in nodes])
        assert self.rank(stage, [node.model_copy(update={"score": None}) for node in nodes[:1]])

    def test_pictures_stay_whether_they_can_be_read_or_not(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        gone, inline = (node.model_copy(deep=True) for node in nodes[:2])
        lost: Any = gone.node
        lost.image_resource = MediaResource(path=Path("there is no such picture.png"))
        held: Any = inline.node
        held.image_resource = MediaResource(data=(shown := PICTURES["green square"]), mimetype="image/png")
        given = held.image_resource.data
        ranked: dict[str, Any] = {node.node_id: node.node for node in self.rank(stage, [gone, inline, *nodes[6:]])}
        assert len(shown) and ranked[inline.node_id].image_resource.data == given, "bytes within a passage stay in it"
        assert ranked[gone.node_id].image_resource.path == lost.image_resource.path

    def test_over_long_words_are_ranked(self, stage: Reranker, nodes: list[NodeWithScore]) -> None:
        long: Any = nodes[0].model_copy(deep=True)
        long.node.text_resource = MediaResource(text=LONG)
        for words in ("a blue triangle", LONG):
            ranked = self.rank(stage, [long, *nodes[1:3]], words)
            assert ranked and {node.node_id for node in ranked} <= {node.node_id for node in nodes[:3]}

    def test_it_ranks_the_same_in_a_loop_or_not(self, stage: Any, nodes: list[NodeWithScore]) -> None:
        if not hasattr(stage, "postprocess_nodes"):
            pytest.skip("it has no postprocess_nodes")
        query = Query("a blue triangle", pictures=(picture_of("blue triangle"),))
        assert stage.postprocess_nodes(list(nodes), query) == self.rank(stage, nodes)

    def test_a_call_that_is_cancelled_ends_and_harms_no_other(
        self, stage: Reranker, nodes: list[NodeWithScore]
    ) -> None:
        cancelled_and_asked_again(
            lambda: stage.apostprocess_nodes(list(nodes), Query("a blue triangle")),
            lambda ranked: [(node.node_id, node.score) for node in ranked],
        )
