"""The same entries in Qdrant and in another store: the same hits in the same order with the same scores."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from imagora.filters import And, Eq, In, Ne, Not, Or, Range
from imagora.stages import Entry, Hit, Identity, LegQuery, SearchRequest, SparseVector

from .places import making

pytest.importorskip("qdrant_edge", reason="the extra 'qdrant' is not installed")

LEGS = {
    "image": Identity("pictures", "w1", "as is", 16, "cosine"),
    "text": Identity("words", "w2", "as is", 8, "dot"),
    "sparse": Identity("terms", "w3", "as is", 0, "bm25"),
}
FILTERS = {
    "all": None,
    "half": Eq("sold", True),
    "few": And((Eq("colour", "red"), Range("price", gte=20, lt=30))),
    "either": Or((In("colour", ("red", "blue")), Not(Ne("tags", "wood")))),
    "none": Eq("colour", "black"),
}
LIMIT = 15
WEIGHTS = {"even": (1.0, 1.0, 1.0), "uneven": (1.0, 0.25, 2.0), "against": (1.0, 1.0, -0.5)}


def drawn() -> list[Entry]:
    chance = random.Random(7)
    entries = []
    for number in range(400):
        vectors: dict[str, Any] = {"image": [chance.gauss(0, 1) for _ in range(16)]}
        if number % 3:
            vectors["text"] = [chance.gauss(0, 2) for _ in range(8)]
        if number % 4 and number >= 40:  # Qdrant goes on to count the terms of what was deleted, for a while
            terms = tuple(sorted(chance.sample(range(2_000_000_000, 2_000_000_040), 6)))
            vectors["sparse"] = SparseVector(terms, tuple(chance.uniform(0.3, 2) for _ in terms))
        colour = chance.choice(["red", "green", "blue"])
        payload = {
            "colour": colour,
            "price": number / 4,
            "sold": number % 2 == 0,
            "tags": ["wood", "toy"][number % 2 :],
        }
        entries.append(Entry(str(uuid.UUID(int=chance.getrandbits(128), version=4)), vectors, payload))
    return entries


def queries(weights: tuple[float, float, float]) -> tuple[LegQuery, ...]:
    chance = random.Random(11)
    sparse = SparseVector((2_000_000_001, 2_000_000_013, 2_000_000_030), (1.0, 1.0, 2.0))
    vectors: Any = [[chance.gauss(0, 1) for _ in range(16)], [chance.gauss(0, 1) for _ in range(8)], sparse]
    return tuple(LegQuery(leg, leg, v, w) for leg, v, w in zip(LEGS, vectors, weights, strict=True))


def filled(index: Any) -> Any:
    entries = drawn()
    index.open(LEGS, create=True)
    index.upsert([*entries[:300], *entries[50:80]])
    index.delete([entry.id for entry in entries[:40]])
    index.upsert(entries[300:])
    return index


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from imagora_qdrant.index import EmbeddedIndex
    from imagora_qdrant.options import QdrantOptions

    index = filled(EmbeddedIndex(QdrantOptions(path=tmp_path_factory.mktemp("qdrant") / "index"), "gallery"))
    yield index
    index.close()


@pytest.fixture(scope="module", params=["faiss", "milvus", "chroma", "lancedb"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    index = filled(making(request.param)(tmp_path_factory.mktemp(request.param) / "index"))
    yield index
    index.close()


def untied(hits: list[Hit]) -> list[Hit]:
    """Give hits of equal score in the order of their ids, and leave those out that tie with others at the end."""
    last = round(hits[-1].score, 7) if len(hits) == LIMIT else None
    return sorted((h for h in hits if round(h.score, 7) != last), key=lambda h: (-round(h.score, 7), h.id))


def told(hits: list[Hit]) -> list[Any]:
    return [
        (hit.id, pytest.approx(hit.score, rel=1e-4, abs=1e-6), pytest.approx(dict(hit.scores), rel=1e-4, abs=1e-6))
        for hit in hits
    ]


@pytest.mark.parametrize("fusion", ["rrf", "dbsf", "weighted"])
def test_hits_and_scores_are_those_of_qdrant(qdrant: Any, store: Any, fusion: Any) -> None:
    for weights in WEIGHTS.values():
        for name, condition in FILTERS.items():
            request = SearchRequest(queries(weights), LIMIT, 30, fusion, filter=condition)
            theirs, ours = (asyncio.run(index.asearch(request)) for index in (qdrant, store))
            ours, theirs = untied(ours), untied(theirs)
            assert [(hit.id, hit.score, hit.scores) for hit in ours] == told(theirs), (weights, name)
            assert [hit.payload for hit in ours] == [hit.payload for hit in theirs]
            assert bool(ours) == (name != "none")


@pytest.mark.parametrize("leg", LEGS)
def test_one_leg_alone_is_qdrants_too(qdrant: Any, store: Any, leg: str) -> None:
    (query,) = (each for each in queries((1.0, 1.0, 1.0)) if each.leg == leg)
    request = SearchRequest((query,), 20, 20, "weighted")
    theirs, ours = (asyncio.run(index.asearch(request)) for index in (qdrant, store))
    assert [(hit.id, hit.score, hit.scores) for hit in ours] == told(theirs)
    assert list(store.ids()) == sorted(qdrant.ids()) and store.count() == 360
