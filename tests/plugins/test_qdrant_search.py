"""Fusion, scores, filters and batches of the index `qdrant`, against sums done by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from imagora.errors import QueryError, StageError
from imagora.filters import And, Eq, In, Ne, Not, Or, Range
from imagora.stages import Entry, Identity, LegQuery, SearchRequest, SparseVector
from imagora_qdrant.bm25 import Bm25Embedder
from imagora_qdrant.client_dialect import ClientDialect
from imagora_qdrant.edge_dialect import EdgeDialect
from imagora_qdrant.index import QdrantIndex
from imagora_qdrant.options import Bm25Options, QdrantOptions
from imagora_qdrant.search import search_steps

from . import qdrant_places as places

BM25 = Bm25Embedder(Bm25Options())
LEGS = {
    "image": Identity("pictures", "w1", "as is", 4, "cosine"),
    "text": Identity("words", "w2", "as is", 4, "dot"),
    "sparse": BM25.identity(),
}
WORDS = ["red", "blue", "green", "car", "bus", "dog", "cat", "house", "tree", "boat"]
RANDOM = np.random.default_rng(7)


def id_of(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def entries() -> list[Entry]:
    """Give forty entries: every one has a picture, every second one words as well."""
    random, made = np.random.default_rng(3), []
    for number in range(40):
        vectors: dict[str, Any] = {"image": random.normal(size=4).tolist()}
        if number % 2:
            vectors["text"] = random.normal(size=4).tolist()
            words = random.choice(WORDS, size=3 + number)  # each another length, so that no two scores are a tie
            (vectors["sparse"],) = BM25.embed_texts([" ".join(words)])
        made.append(Entry(id_of(number), vectors, {"number": number}))
    return made


@pytest.fixture(params=["embedded", "local", "several shards"])
def index(request: Any, tmp_path: Path) -> Iterator[QdrantIndex]:
    """Give the index in a folder, and the server's form, also as it works on a collection of several shards."""
    index = places.embedded(tmp_path / "index") if request.param == "embedded" else places.local(tmp_path)
    index.open(LEGS, create=True)
    if request.param == "several shards":
        places.store_of(
            index
        )._one_shard = False  # the local mode has no shards, and only the way to search is under test
    yield index
    index.close()


def search(index: QdrantIndex, *legs: LegQuery, limit: int = 40, candidates: int = 7, **more: Any) -> list[Any]:
    return asyncio.run(index.asearch(SearchRequest(legs, limit, candidates, **more)))


def queries(weights: tuple[float, float, float, float]) -> list[LegQuery]:
    vectors: list[Any] = [RANDOM.normal(size=4).tolist() for _ in range(3)]
    return [
        LegQuery("image", "image", vectors[0], weights[0]),
        LegQuery("image/words", "image", vectors[1], weights[1]),
        LegQuery("text", "text", vectors[2], weights[2]),
        LegQuery("sparse", "sparse", BM25.embed_query("a red car and the boats"), weights[3]),
    ]


def by_hand(fusion: str, k: int, weight: float, scores: list[float]) -> list[float]:
    """Give what each candidate of a leg, best first, adds to its fused score."""
    if fusion == "rrf":
        return [weight / (k + rank) for rank in range(len(scores))]
    if fusion == "weighted":
        return [weight * score for score in scores]
    low, high = mean(scores) - 3 * stdev(scores), mean(scores) + 3 * stdev(scores)
    return [weight * (score - low) / (high - low) for score in scores]


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (2, 2, 2, 2), (2, 0.25, 1, 0.5)], ids=["ones", "twos", "unequal"])
@pytest.mark.parametrize("fusion", ["rrf", "dbsf", "weighted"])
def test_fused_scores_are_what_the_formula_says(index: QdrantIndex, fusion: Any, weights: Any) -> None:
    index.upsert(entries())
    for k in (2, 60):
        legs = queries(weights)
        expected: dict[str, float] = {}
        for leg in legs:
            alone = search(index, leg, limit=7, fusion="weighted")
            raw = [hit.scores[leg.name] for hit in alone]
            assert raw == sorted(raw, reverse=True)
            for hit, term in zip(alone, by_hand(fusion, k, leg.weight, raw), strict=True):
                expected[hit.id] = expected.get(hit.id, 0) + term
        hits = search(index, *legs, fusion=fusion, rrf_k=k)
        assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("fusion", ["rrf", "dbsf", "weighted"])
def test_one_leg_alone_has_the_scores_that_it_has_beside_a_leg_that_finds_nothing(
    index: QdrantIndex, fusion: Any
) -> None:
    index.upsert(entries())
    leg = LegQuery("text", "text", RANDOM.normal(size=4).tolist(), 0.5)
    nothing = LegQuery("sparse", "sparse", BM25.embed_query("zeppelin"), 0.5)
    alone, beside = (search(index, *legs, limit=5, fusion=fusion) for legs in ([leg], [leg, nothing]))
    assert [hit.id for hit in alone] == [hit.id for hit in beside]
    assert [hit.score for hit in alone] == pytest.approx([hit.score for hit in beside], rel=1e-4)
    assert [hit.scores for hit in alone] == [pytest.approx(hit.scores, rel=1e-4) for hit in beside]
    assert [hit.payload for hit in alone] == [hit.payload for hit in beside] and len(alone) == 5


@pytest.mark.parametrize(("quantized", "queries"), [(False, 1), (True, 2)])
def test_one_leg_takes_one_query_unless_its_scores_may_be_of_quantised_vectors(quantized: bool, queries: int) -> None:
    request = SearchRequest((LegQuery("text", "text", [1.0, 0, 0, 0]),), 5, 5)
    options = QdrantOptions(path=Path("index"), quantization="scalar" if quantized else "none")
    steps = search_steps(request, EdgeDialect(options), None, one_shard=True)
    point = SimpleNamespace(id=id_of(1), score=0.5, payload={})
    next(steps)
    for _ in range(queries - 1):
        steps.send([[point]])
    with pytest.raises(StopIteration) as done:
        steps.send([[point]])
    assert [(hit.id, hit.scores) for hit in done.value.value] == [(id_of(1), {"text": 0.5})]


@pytest.mark.parametrize("dialect", [EdgeDialect, ClientDialect])
def test_the_ways_to_look_at_quantised_vectors_are_in_every_approximate_query(dialect: Any) -> None:
    options = QdrantOptions(path=Path("index"), quantization="binary", oversampling=3, rescore=True)
    vector = [1.0, 0.0, 0.0, 0.0]
    made = dialect(options)
    for request in (made.near("text", vector, 5, None), made.scores("text", vector, 5, None, exact=False)):
        assert (request.params.quantization.oversampling, request.params.quantization.rescore) == (3, True)
    exact = made.scores("text", vector, 5, None, exact=True).params
    assert exact.exact and exact.quantization.ignore


def test_raw_scores_are_cosines_and_products_of_the_vectors(index: QdrantIndex) -> None:
    index.upsert(given := entries())
    legs = queries((1, 0.5, 1, 1))
    one, two, text = (np.array(leg.vector) for leg in legs[:3])
    vectors = {entry.id: entry.vectors for entry in given}
    hits = search(index, *legs, candidates=3)
    for hit in hits:
        image = np.array(vectors[hit.id]["image"]) / np.linalg.norm(vectors[hit.id]["image"])
        assert hit.scores["image"] == pytest.approx(image @ one / np.linalg.norm(one), abs=1e-4)
        assert hit.scores["image/words"] == pytest.approx(image @ two / np.linalg.norm(two), abs=1e-4)
        if "text" in vectors[hit.id]:
            assert hit.scores["text"] == pytest.approx(np.array(vectors[hit.id]["text"]) @ text, abs=1e-4)
        else:
            assert not {"text", "sparse"} & set(hit.scores)
    assert len(hits) > 3 and any("text" in hit.scores for hit in hits), "there are hits beyond a leg's candidates"


def test_a_terms_weight_is_multiplied_with_its_rarity_in_the_whole_index(index: QdrantIndex) -> None:
    index.upsert(given := entries())
    leg = LegQuery("sparse", "sparse", BM25.embed_query("red car"))
    vectors = [entry.vectors["sparse"] for entry in given if "sparse" in entry.vectors]
    for condition in (None, Range("number", lt=20)):
        for hit in search(index, leg, fusion="weighted", filter=condition):
            vector: Any = next(entry for entry in given if entry.id == hit.id).vectors["sparse"]
            expected = 0.0
            for term in leg.vector.indices:  # type: ignore[union-attr]
                holders = sum(term in other.indices for other in vectors)  # type: ignore[union-attr]
                rarity = np.log((len(vectors) - holders + 0.5) / (holders + 0.5) + 1)
                expected += dict(zip(vector.indices, vector.values, strict=True)).get(term, 0) * rarity
            assert hit.score == hit.scores["sparse"] == pytest.approx(expected, rel=1e-3)


def test_a_query_without_terms_leaves_its_leg_out(index: QdrantIndex) -> None:
    index.upsert(entries())
    nothing = LegQuery("sparse", "sparse", SparseVector((), ()))
    assert search(index, nothing) == [] == search(index)
    (hit,) = search(index, nothing, queries((1, 1, 1, 1))[0], limit=1)
    assert hit.score == pytest.approx(1 / 60)
    (hit,) = search(index, nothing, queries((3, 1, 1, 1))[0], candidates=1, fusion="dbsf")
    assert hit.score == pytest.approx(3 * 0.5), "one score alone is its own mean"


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (And(()), [0, 1, 2, 3, 4]),
        (Or(()), []),
        (Not(Or(())), [0, 1, 2, 3, 4]),
        (Not(And(())), []),
        (Not(Not(Eq("n", 3))), [1]),
        (Eq("n", 3.0), [1]),
        (In("n", (3, 2**60)), [1, 2]),
        (In("n", (True, "x", 0)), [0, 3, 4]),
        (Eq("n", True), [3]),
        (Eq("n", 1), []),
        (Range("n"), [0, 1, 2]),
        (Eq("a.b", "dot"), [0]),
        (Eq("my key", "blank"), [1]),
        (Ne("größe[0]", 1), [0, 1, 3, 4]),
        (Eq("größe[0]", 1), [2]),
        (Eq("a", "dot"), []),
    ],
    ids=str,
)
def test_filters_at_the_edges(index: QdrantIndex, condition: Any, fits: list[int]) -> None:
    given: list[dict[str, Any]] = [
        {"n": 0, "a.b": "dot"},
        {"n": 3, "my key": "blank"},
        {"n": 2**60, "größe[0]": 1},
        {"n": True, "a": {"b": "dot"}},
        {"n": ["x", "y"]},
    ]
    index.upsert([Entry(id_of(n), {"image": [1.0, 0, 0, 0]}, {**p, "place": n}) for n, p in enumerate(given)])
    hits = search(index, LegQuery("image", "image", [1.0, 0, 0, 0]), filter=condition)
    assert sorted(hit.payload["place"] for hit in hits) == fits


@pytest.mark.parametrize("place", [places.embedded, places.local], ids=["embedded", "local"])
def test_moments_and_words_are_filtered_by_their_fields_type(place: Any, tmp_path: Path) -> None:
    index = place(tmp_path / "index", fields={"taken": "datetime", "about": "text"})
    index.open(LEGS, create=True)
    rows = [
        ("2024-05-01T10:00:00Z", "A red car, and a dog"),
        ("2024-05-01T12:00:00+02:00", "a red bus"),
        ("2025-01-01", ""),
    ]
    vectors: Any = {"image": [1.0, 0, 0, 0]}
    index.upsert([Entry(id_of(n), vectors, {"taken": t, "about": a, "n": n}) for n, (t, a) in enumerate(rows)])

    def find(condition: Any) -> list[int]:
        leg = LegQuery("image", "image", vectors["image"])
        return sorted(hit.payload["n"] for hit in search(index, leg, filter=condition))

    late: Any = Range("taken", gte="2024-06-01")  # type: ignore[arg-type]  # a moment, which the field's type allows
    assert find(late) == [2]
    assert find(Eq("taken", "2024-05-01T10:00:00Z")) == [0, 1], "the same moment in two zones"
    assert find(In("taken", ("2025-01-01", "2024-05-01T10:00:01Z"))) == [2]
    assert find(Eq("about", "red car")) == [0] and find(Ne("about", "red")) == [2]
    for wrong in (Eq("taken", "yesterday"), Range("taken", gte=5)):
        with pytest.raises(QueryError, match="'taken' holds moments"):
            find(wrong)
    with pytest.raises(QueryError, match="double quote"):
        find(Eq('a"b', 1))
    index.close()


def test_more_entries_than_a_batch_are_all_written_and_deleted(tmp_path: Path) -> None:
    for place in (places.embedded, places.local):
        index = place(tmp_path / place.__name__, batch=7)
        index.open(LEGS, create=True)
        index.upsert(entries())
        assert index.count() == 40
        index.delete([entry.id for entry in entries()[:30]])
        assert index.count() == 10
        index.close()


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        ({"image": [1.0, 2.0]}, "has 2 dimensions for the leg 'image', and the index takes 4"),
        ({"smell": [1.0]}, "has a vector for the leg 'smell', and the index has: image, sparse, text"),
        ({"image": [1.0, float("nan"), 0, 0]}, "a number that is not finite"),
        ({"image": SparseVector((1,), (1.0,))}, "a vector of the wrong kind for the leg 'image'"),
        ({"sparse": [1.0]}, "a vector of the wrong kind for the leg 'sparse'"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused_and_nothing_is_written(
    index: QdrantIndex, vectors: Any, says: str
) -> None:
    good = entries()[:2]
    with pytest.raises(StageError, match=says):
        index.upsert([*good, Entry(id_of(99), vectors, {})])
    assert index.count() == 0
    (leg,) = vectors
    with pytest.raises(StageError, match=says):
        search(index, LegQuery("image", leg, vectors[leg]))
