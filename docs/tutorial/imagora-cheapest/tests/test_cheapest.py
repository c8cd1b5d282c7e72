"""The reranker keeps the contract of its kind, and does what it is for."""

import asyncio

import imagora_cheapest
import pytest
from imagora import BuildContext
from imagora.testing import RerankerContract
from imagora_cheapest.reranker import Cheapest
from llama_index.core.schema import NodeWithScore, TextNode


class TestCheapest(RerankerContract):
    """Everything that Imagora asks of a reranker."""

    @pytest.fixture
    def stage(self) -> object:
        (component,) = imagora_cheapest.offer_rerankers()
        return component.build(component.options(), BuildContext(recipe="test"))


def test_the_cheapest_of_the_best_comes_first_and_the_rest_stays() -> None:
    prices = [30, 10, 20, 5]
    nodes = [NodeWithScore(node=TextNode(text=str(p), metadata={"price": p}), score=1.0) for p in prices]
    sorted_nodes = asyncio.run(Cheapest(field="price", among=3).apostprocess_nodes(nodes))
    assert [node.metadata["price"] for node in sorted_nodes] == [10, 20, 30, 5]
