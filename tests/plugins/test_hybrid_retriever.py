"""`hybrid` keeps the retriever's contract and asks the index for what a query has."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora import BuildContext, Query
from imagora.errors import ImagoraError, IndexMissing, QueryError
from imagora.filters import Eq
from imagora.stages import Entry, Hit, SearchRequest
from imagora.testing import ComponentContract, RetrieverContract, golden
from imagora_hybrid.build import build
from imagora_hybrid.options import HybridOptions
from imagora_hybrid.retriever import HybridRetriever
from imagora_qdrant.index import QdrantIndex
from imagora_qdrant.options import QdrantOptions
from llama_index.core.schema import QueryBundle

from tests.core.toy_embedders import ToyColour, ToyWords

RED, BLUE = golden.picture_of("red circle"), golden.picture_of("blue triangle")


class Colours(ToyColour):
    """The toy embedder, which also notes what it was asked for."""

    asked: list[str] = []  # noqa: RUF012 - pydantic copies a field's default for each object

    async def _aget_query_embedding(self, query: str) -> list[float]:
        self.asked.append(query)
        return await super()._aget_query_embedding(query)

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        self.asked.append("a picture")
        return await super()._aget_image_embedding(img_file_path)


class Watched(QdrantIndex):
    """The real index, which also notes the requests that it gets."""

    requests: list[SearchRequest]

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        self.requests.append(request)
        return await super().asearch(request)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Watched]:
    index = Watched(QdrantOptions(path=tmp_path / "index"), "gallery")
    index.requests = []
    yield index
    index.close()


@pytest.fixture
def context(index: Watched) -> BuildContext:
    colours = Colours()
    return BuildContext("gallery", {"image": colours, "text": colours, "sparse": ToyWords()}, index)


@pytest.fixture
def filled(context: BuildContext) -> BuildContext:
    assert context.index
    golden.fill(context.index, context.embedders)
    return context


def legs_of(request: SearchRequest) -> list[tuple[str, str, float]]:
    return [(leg.name, leg.leg, leg.weight) for leg in request.legs]


class TestHybridComponent(ComponentContract):
    plugin = "imagora_hybrid"

    @pytest.fixture
    def context(self, context: BuildContext) -> BuildContext:
        return context


class TestHybrid(RetrieverContract):
    @pytest.fixture(params=["rrf", "dbsf", "weighted", "standardised", "calibrated"])
    def stage(self, filled: BuildContext, request: Any) -> Any:
        legs = {"image": 1.0, "text": 1.0, "sparse": 0.5}
        return build(HybridOptions(fusion=request.param, legs=legs), filled)


def test_words_are_embedded_once_for_legs_that_share_an_embedder(filled: BuildContext, index: Watched) -> None:
    found = asyncio.run(build(HybridOptions(), filled).aretrieve(Query("a red circle")))
    assert filled.embedders["image"].asked == ["a red circle"]  # type: ignore[union-attr]
    assert found[0].node.metadata["uri"] == "red circle"
    assert legs_of(index.requests[0]) == [("image", "image", 1.0), ("text", "text", 1.0), ("sparse", "sparse", 1.0)]


def test_a_picture_alone_searches_the_picture_leg_alone(filled: BuildContext, index: Watched) -> None:
    asyncio.run(build(HybridOptions(legs={"image": 2, "text": 1}), filled).aretrieve(Query("", pictures=(RED,))))
    assert legs_of(index.requests[0]) == [("image", "image", 2.0)]
    assert filled.embedders["image"].asked == ["a picture"]  # type: ignore[union-attr]


def test_words_beside_a_picture_are_a_query_of_their_own_on_its_leg(filled: BuildContext, index: Watched) -> None:
    retriever = build(HybridOptions(legs={"sparse": 0.5, "image": 2, "text": 0}), filled)
    found: Any = asyncio.run(retriever.aretrieve(Query("blue", pictures=(RED,))))
    names = [("image", "image", 2.0), ("sparse", "sparse", 0.5), ("image/words", "image", 2.0)]
    assert legs_of(index.requests[0]) == names
    assert {passage.node.metadata["uri"] for passage in found[:2]} == {"red circle", "blue triangle"}
    red = next(passage for passage in found if passage.title == "red circle")
    assert set(red.scores) == {"image", "image/words"} and red.scores["image"] == pytest.approx(1, abs=1e-4)


def test_several_pictures_are_searched_by_their_normalised_mean(filled: BuildContext, index: Watched) -> None:
    found = asyncio.run(build(HybridOptions(), filled).aretrieve(Query("", pictures=(RED, BLUE))))
    one, other = (np.array(ToyColour().get_image_embedding(BytesIO(picture.png))) for picture in (RED, BLUE))
    mean = (one + other) / np.linalg.norm(one + other)
    assert index.requests[0].legs[0].vector == pytest.approx(mean.tolist(), abs=1e-6)
    assert {node.node.metadata["uri"] for node in found[:2]} == {"red circle", "blue triangle"}


def test_the_request_says_how_many_and_how_they_are_fused(filled: BuildContext, index: Watched) -> None:
    def ask(query: QueryBundle, **options: Any) -> SearchRequest:
        asyncio.run(build(HybridOptions(**options), filled).aretrieve(query))
        return index.requests[-1]

    plain = ask(QueryBundle("red"))
    assert (plain.limit, plain.candidates, plain.fusion, plain.rrf_k, plain.filter) == (20, 50, "rrf", 60, None)
    own = ask(QueryBundle("red"), top_k=40, fusion="dbsf", rrf_k=5)
    assert (own.limit, own.candidates, own.fusion, own.rrf_k) == (40, 80, "dbsf", 5)
    assert [ask(Query("red", top_k=n), top_k=40, candidates=60).limit for n in (3, 70)] == [3, 70]
    assert [ask(Query("red", top_k=n), candidates=60).candidates for n in (3, 70)] == [60, 70]
    assert ask(Query("red", filter=Eq("number", 3))).filter == Eq("number", 3)


def test_scores_per_leg_come_with_each_passage(filled: BuildContext) -> None:
    found: Sequence[Any] = asyncio.run(build(HybridOptions(), filled).aretrieve(QueryBundle("a red circle")))
    best = found[0]
    assert set(best.scores) == {"image", "text", "sparse"} and best.score == pytest.approx(3 / 60, abs=1e-3)


def test_the_synchronous_door_works_inside_and_outside_of_a_loop(filled: BuildContext) -> None:
    retriever = build(HybridOptions(), filled)
    outside = retriever.retrieve(Query("a grey roof", top_k=2))

    async def inside() -> Any:
        return retriever.retrieve(Query("a grey roof", top_k=2))

    assert [node.node_id for node in outside] == [node.node_id for node in asyncio.run(inside())]
    assert outside[0].node.metadata["uri"] == "grey roof"


def test_a_query_without_a_word_that_any_leg_knows_finds_nothing(filled: BuildContext) -> None:
    assert asyncio.run(build(HybridOptions(legs={"sparse": 1}), filled).aretrieve(Query("?!"))) == []


def test_building_opens_nothing_and_the_first_search_opens(context: BuildContext, index: Watched) -> None:
    retriever = build(HybridOptions(), context)
    assert index.folder and not index.folder.exists()
    with pytest.raises(IndexMissing, match=r"make it with: imagora ingest gallery"):
        asyncio.run(retriever.aretrieve(Query("red")))
    golden.fill(index, context.embedders)
    assert asyncio.run(retriever.aretrieve(Query("red"))), "it looks again after the index was made"


def test_a_leg_without_an_embedder_is_named_with_what_there_is(context: BuildContext) -> None:
    with pytest.raises(ImagoraError) as caught:
        build(HybridOptions(legs={"imge": 1, "smell": 1, "text": 1}), context)
    assert str(caught.value) == (
        "legs: there is no embedder for the leg 'imge'; did you mean 'image'? (there is: image, sparse, text); "
        "legs: there is no embedder for the leg 'smell' (there is: image, sparse, text)"
    )


@pytest.mark.parametrize(
    ("embedders", "with_index", "legs", "says"),
    [
        ({"sparse": ToyWords()}, False, {}, "has none; add a section 'index'"),
        ({}, True, {}, "has none; add a section 'embedders'"),
        ({"sparse": ToyWords()}, True, {"sparse": 0}, "give at least one leg a weight"),
    ],
)
def test_a_recipe_that_lacks_something_is_told_what(
    index: Watched, embedders: Any, with_index: bool, legs: Any, says: str
) -> None:
    with pytest.raises(ImagoraError, match=says):
        build(HybridOptions(legs=legs), BuildContext("gallery", embedders, index if with_index else None))


def test_a_picture_where_no_picture_leg_is_searched_is_refused_in_words(filled: BuildContext, index: Watched) -> None:
    retriever = build(HybridOptions(legs={"text": 1, "sparse": 1}), filled)
    with pytest.raises(QueryError, match="the recipe 'gallery' searches no picture leg"):
        asyncio.run(retriever.aretrieve(Query("", pictures=(RED,))))
    asyncio.run(retriever.aretrieve(Query("red", pictures=(RED,))))
    assert [leg.name for leg in index.requests[0].legs] == ["text", "sparse"]


def test_an_empty_question_is_refused_in_words(filled: BuildContext) -> None:
    with pytest.raises(QueryError, match="needs words or a picture"):
        asyncio.run(build(HybridOptions(), filled).aretrieve(QueryBundle("  ")))


def test_a_tracer_that_listens_sees_the_retrieval(tmp_path: Path) -> None:
    from llama_index.core.instrumentation import root_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.events import BaseEvent

    seen: list[str] = []

    class Listening(BaseEventHandler):
        def handle(self, event: BaseEvent, **_: object) -> None:
            seen.append(event.class_name())

    index = QdrantIndex(QdrantOptions(path=tmp_path / "index"), "gallery")
    embedders = {"sparse": ToyWords()}
    index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
    retriever = HybridRetriever(HybridOptions(), {"sparse": 1.0}, embedders, index, "gallery")
    index.upsert([Entry(str(uuid.uuid4()), {"sparse": embedders["sparse"].embed_texts(["red"])[0]}, {"_uri": "a"})])
    unheard = asyncio.run(retriever.aretrieve(Query("red")))
    assert len(unheard) == 1
    assert seen == []
    listening = Listening()
    root_dispatcher.event_handlers.append(listening)
    try:
        heard = asyncio.run(retriever.aretrieve(Query("red")))
    finally:
        root_dispatcher.event_handlers.remove(listening)
    assert "RetrievalStartEvent" in seen
    assert "RetrievalEndEvent" in seen
    assert heard == unheard
