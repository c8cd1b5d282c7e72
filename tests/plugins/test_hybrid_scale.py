"""`calibrated`: scores of different kinds on one scale that is learned from the index; and `variety`."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora import BuildContext, Query
from imagora.stages import Entry, Hit, LegQuery, SearchRequest, SparseVector
from imagora.testing import golden
from imagora_hybrid.build import build
from imagora_hybrid.options import HybridOptions
from imagora_hybrid.scale import Scale, calibrated, scale_of
from imagora_hybrid.variety import varied
from imagora_qdrant.index import QdrantIndex
from imagora_qdrant.options import QdrantOptions

from tests.core.toy_embedders import ToyColour, ToyWords

DICE = np.random.default_rng(7)


class Watched(QdrantIndex):
    """The real index, which also notes the requests that it gets."""

    requests: list[SearchRequest]

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        self.requests.append(request)
        return await super().asearch(request)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[BuildContext]:
    index = Watched(QdrantOptions(path=tmp_path / "index"), "gallery")
    index.requests = []
    context = BuildContext("gallery", {"image": ToyColour(), "sparse": ToyWords()}, index)
    golden.fill(index, context.embedders)
    yield context
    index.close()


def test_equally_rare_scores_are_equally_surprising_whatever_their_kind() -> None:
    near, wide = scale_of(DICE.normal(0.1, 0.05, 20_000).tolist()), scale_of(DICE.normal(0.6, 0.1, 20_000).tolist())
    assert near and wide
    for deviations in (-1.0, 0.0, 1.0, 2.0, 3.0):
        rare = -math.log(0.5 * math.erfc(deviations / math.sqrt(2)))
        assert near.of(0.1 + deviations * 0.05) == pytest.approx(rare, abs=0.25)
        assert wide.of(0.6 + deviations * 0.1) == pytest.approx(rare, abs=0.25)
    assert near.usual == pytest.approx(1.0, abs=0.05), "the mean of -ln p is 1 by chance"


def test_a_scale_rises_beyond_what_chance_gave() -> None:
    scale = scale_of(DICE.normal(0.1, 0.05, 1_000).tolist())
    assert scale
    assert np.all(np.diff(scale.of(np.linspace(-1, 3, 200))) >= 0)
    assert scale.of(0.9) > scale.of(0.5) > scale.of(0.3) > math.log(1_000 / 3) - 1e-9


def test_pairs_without_a_word_in_common_count_among_those_by_chance() -> None:
    scale = scale_of([float(score) for score in range(1, 101)], total=10_000)
    assert scale
    assert scale.of(0.0) == 0.0 and scale.of(1.0) == pytest.approx(-math.log(100 / 10_000))
    assert scale.of(91.0) == pytest.approx(-math.log(10 / 10_000), abs=0.05)


@pytest.mark.parametrize("chance", [[], [0.5] * 100, [0.1, 0.2]])
def test_too_little_to_learn_from_gives_no_scale(chance: list[float]) -> None:
    assert scale_of(chance) is None


def line(slope: float) -> Scale:
    return Scale(np.array([0.0, 1.0]), np.array([0.0, slope]), slope, 1.0)


def test_a_picture_without_words_counts_as_chance_where_it_has_nothing() -> None:
    legs = [LegQuery("image", "image", [1.0]), LegQuery("text", "text", [1.0], 3.0)]
    kinds: Any = {"image": ("words", "image"), "text": ("words", "text")}
    hits = [Hit("both", 9.0, {"image": 0.1, "text": 0.05}, {}), Hit("picture", 1.0, {"image": 0.4}, {})]
    found = calibrated(hits, legs, kinds, {kinds["image"]: line(10), kinds["text"]: line(10)}, 5)
    assert [(hit.id, hit.score) for hit in found] == [
        ("picture", pytest.approx((4 + 3 * 1) / 4)),
        ("both", pytest.approx((1 + 3 * 0.5) / 4)),
    ]
    sparse = [LegQuery("sparse", "sparse", SparseVector((1,), (1.0,)))]
    missing = calibrated([hits[1]], sparse, {"sparse": ("words", "sparse")}, {("words", "sparse"): line(10)}, 5)
    assert missing[0].score == 0.0


def test_the_scale_is_learned_at_the_first_query_and_kept(filled: BuildContext) -> None:
    index: Any = filled.index
    retriever = build(HybridOptions(fusion="calibrated"), filled)
    assert index.requests == []
    first = asyncio.run(retriever.aretrieve(Query("a red circle")))
    learned = len(index.requests)
    again = asyncio.run(retriever.aretrieve(Query("a red circle")))
    assert learned > 8 and len(index.requests) == learned + 1
    assert [node.node_id for node in first] == [node.node_id for node in again]
    assert first[0].node.metadata["uri"] == "red circle"
    known = retriever._calibration._known
    assert set(known.scales) == {("picture", "image"), ("words", "image"), ("words", "sparse")}


def test_it_is_learned_once_for_queries_at_once(filled: BuildContext) -> None:
    async def ask() -> None:
        retriever = build(HybridOptions(fusion="calibrated"), filled)
        await asyncio.gather(*(retriever.aretrieve(Query("a red circle")) for _ in range(5)))

    asyncio.run(build(HybridOptions(fusion="calibrated"), filled).aretrieve(Query("a red circle")))
    index: Any = filled.index
    one = len(index.requests) - 1
    index.requests.clear()
    asyncio.run(ask())
    assert len(index.requests) == one + 5


@pytest.mark.parametrize("changed", [{"place": "another generation"}, {"count": 2, "looked": -1e9}])
def test_it_is_learned_anew_for_another_generation_or_many_more_entries(filled: BuildContext, changed: Any) -> None:
    index: Any = filled.index
    retriever = build(HybridOptions(fusion="calibrated"), filled)
    asyncio.run(retriever.aretrieve(Query("red")))
    calibration = retriever._calibration
    calibration._known = replace(calibration._known, **changed)
    index.requests.clear()
    asyncio.run(retriever.aretrieve(Query("red")))
    assert len(index.requests) > 8 and calibration._known.place == index.place and calibration._known.count == 8


def test_an_index_that_is_too_small_to_learn_from_is_fused_all_the_same(tmp_path: Path) -> None:
    index = QdrantIndex(QdrantOptions(path=tmp_path / "index"), "gallery")
    embedders = {"image": ToyColour(), "sparse": ToyWords()}
    index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
    retriever = build(HybridOptions(fusion="calibrated"), BuildContext("gallery", embedders, index))  # type: ignore[arg-type]  # a dict of two kinds
    assert asyncio.run(retriever.aretrieve(Query("red"))) == []
    words = embedders["sparse"].embed_texts(["red"])[0]  # type: ignore[union-attr]
    index.upsert([Entry(str(uuid.uuid4()), {"sparse": words}, {"_uri": "a", "_text": "red"})])
    assert len(asyncio.run(retriever.aretrieve(Query("red")))) == 1
    index.close()


def hits_at(*angles: float) -> tuple[list[Hit], list[dict[str, Any]]]:
    hits = [Hit(str(n), 1 - n / 10, {}, {}) for n in range(len(angles))]
    return hits, [{str(n): [math.cos(angle), math.sin(angle)] for n, angle in enumerate(angles)}]


def test_the_next_passage_is_less_like_the_first_ones() -> None:
    hits, stored = hits_at(0.0, 0.01, 0.02, 1.2, 1.21)
    assert [hit.id for hit in varied(hits, stored, 0.0, 5)] == ["0", "1", "2", "3", "4"]
    assert [hit.id for hit in varied(hits, stored, 0.5, 5)][:2] == ["0", "3"]
    scores = [hit.score for hit in varied(hits, stored, 0.5, 5)]
    assert scores == sorted(scores, reverse=True)
    assert len(varied(hits, stored, 0.5, 2)) == 2 and varied([], stored, 0.5, 2) == []


def test_likeness_is_of_the_first_leg_that_both_have() -> None:
    hits = [Hit(name, score, {}, {}) for name, score in (("a", 1.0), ("b", 0.9), ("c", 0.8), ("d", 0.0))]
    stored: list[Any] = [{"a": [1.0, 0.0], "b": [1.0, 0.0]}, {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [0.0, 1.0]}]
    assert [hit.id for hit in varied(hits, stored, 0.5, 4)] == ["a", "c", "d", "b"], "d has no vector: like nothing"
