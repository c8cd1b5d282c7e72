"""The contract of indexes, what is kept: tenants apart, deleted for good, thousands of entries, cancelled searches."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagora.errors import UnusableIndex
from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range
from imagora.stages import (
    Entry,
    Hit,
    Identity,
    Index,
    LegQuery,
    LocalIndex,
    SearchRequest,
    SparseVector,
    Vector,
    VectorIndex,
)

from .built import Placed
from .cancelling import cancelled_and_asked_again

LEGS = {
    "image": Identity("pictures", "w1", "as is", 3, "cosine"),
    "text": Identity("words", "w2", "as is", 2, "dot"),
    "sparse": Identity("terms", "w3", "as is", 0, "bm25"),
}
QUERIES: dict[str, Vector] = {"image": [1.0, 0.0, 0.0], "text": [1.0, 0.0], "sparse": SparseVector((7,), (1.0,))}
BESIDE: list[Filter] = [  # what a query may ask for beside the clause of its tenant
    And(()),
    Or((Eq("tenant", "b"), Eq("tenant", "a"))),
    Or((Ne("tenant", "a"), Range("price", gte=0))),
    Not(Eq("tenant", "c")),
    In("tenant", ("a", "b", "c")),
]
MANY = 10_500
"""More entries than a client's page, a scroll or a list of ids holds."""


def entry(name: str, image: float | None = None, text: float | None = None, payload: Any = None, n: int = 0) -> Entry:
    """Make an entry whose score is `image` (a cosine) on the image leg and `text` (a product) on the text leg."""
    vectors: dict[str, Vector] = {} if image is None else {"image": [image, math.sqrt(1 - image**2), 0.0]}
    vectors |= {} if text is None else {"text": [text, 3.0]}
    return Entry(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}{n}")), vectors, {"name": name, **(payload or {})})


def find(index: Index, *legs: str, limit: int = 10, candidates: int = 50, **request: Any) -> dict[str, Hit]:
    """Give the hits by name in their order, for the legs "leg" or "leg:weight"; the image leg if none is named."""
    split = [(*leg.split(":"), "1")[:2] for leg in legs or ("image",)]
    queries = tuple(LegQuery(leg, leg, QUERIES[leg], float(weight)) for leg, weight in split)
    hits = asyncio.run(index.asearch(SearchRequest(queries, limit, candidates, **request)))
    assert len({hit.id for hit in hits}) == len(hits) <= limit
    return {str(hit.payload["name"]): hit for hit in hits}


class KeptEntries(Placed):
    """What an index keeps, for whom, and until when."""

    @pytest.fixture
    def index(self, make: Callable[[Path], Index], tmp_path: Path) -> Iterator[Index]:
        index = make(tmp_path / "index")
        index.open(LEGS, create=True)
        yield index
        index.close()

    @pytest.mark.parametrize("beside", BESIDE, ids=[f"beside {number}" for number in range(len(BESIDE))])
    def test_no_filter_beside_a_tenants_lets_others_through(self, index: Index, beside: Filter) -> None:
        index.upsert([entry(name, 0.9, 5.0, {"tenant": name[0], "price": 3}) for name in ("a1", "b1", "c1", "a2")])
        for fence in (And((Eq("tenant", "a"), beside)), And((beside, Eq("tenant", "a")))):
            for legs in (("image",), ("text",), ("image", "text")):
                for fusion in ("rrf", "dbsf", "weighted"):
                    assert sorted(find(index, *legs, fusion=fusion, filter=fence)) == ["a1", "a2"]
        index.set_payloads({entry("a1").id: {"name": "a1", "tenant": "b"}})
        assert list(find(index, filter=Eq("tenant", "a"))) == ["a2"], "it is another tenant's now"
        index.upsert([entry("a2", 0.9, 5.0, {"tenant": "b"})])
        assert not find(index, "image", "text", filter=Eq("tenant", "a")), "only its payload is new, and that counts"

    def test_what_is_deleted_is_gone_from_everywhere(self, index: Index) -> None:
        term = {"sparse": SparseVector((7,), (1.0,))}
        written = [entry(f"{n}", 0.9 - n / 20, 1.0 + n, {"n": n}) for n in range(6)]
        index.upsert([replace(one, vectors={**one.vectors, **term}) for one in written])
        gone = [one.id for one in written[::2]]
        index.delete(gone)
        left = ["1", "3", "5"]
        for legs in (("image",), ("text",), ("sparse",), ("image", "text", "sparse")):
            assert sorted(find(index, *legs)) == left
        assert sorted(find(index, "image", filter=Range("n", gte=0))) == left and index.count() == 3
        assert sorted(index.ids()) == sorted(one.id for one in written[1::2])
        if isinstance(index, VectorIndex):
            assert not index.vectors(gone, "image")
        with suppress(UnusableIndex):  # it may be refused, and must not bring the entry back
            index.set_payloads({gone[0]: {"name": "0", "n": 0}})
        assert sorted(find(index)) == left and index.count() == 3, "a new payload does not bring it back"
        index.upsert(written[:1])
        assert sorted(find(index)) == ["0", *left]
        assert set(find(index, "sparse")) == set(left), "nor does its old vector come back"

    def test_ten_thousand_entries_are_counted_given_and_deleted(self, index: Index) -> None:
        written = [entry(f"{n}", (n % 97) / 100, payload={"n": n}) for n in range(MANY)]
        for start in range(0, MANY, 3_500):
            index.upsert(written[start : start + 3_500])
        assert index.count() == MANY and set(index.ids()) == {one.id for one in written}
        assert len(list(index.ids())) == MANY, "each once"
        index.delete([one.id for one in written[5:]])
        assert index.count() == 5 and sorted(index.ids()) == sorted(one.id for one in written[:5])

    def test_a_search_finds_the_same_each_time_in_a_loop_or_not(self, index: Index) -> None:
        index.upsert([entry(f"{n}", 0.5 + n / 50, 1.0 * n) for n in range(9)])
        legs = tuple(LegQuery(leg, leg, QUERIES[leg]) for leg in ("image", "text"))
        request = SearchRequest(legs, 5, 9)

        def plain(hits: list[Hit]) -> list[tuple[str, Any]]:
            return [(hit.id, pytest.approx(hit.score)) for hit in hits]

        first = plain(asyncio.run(index.asearch(request)))
        assert plain(asyncio.run(index.asearch(request))) == first
        assert not isinstance(index, LocalIndex) or plain(index.search(request)) == first

    def test_a_search_that_is_cancelled_ends_and_harms_no_other(self, index: Index) -> None:
        index.upsert([entry(f"{n}", 0.1 * n) for n in range(9)])
        request = SearchRequest((LegQuery("image", "image", QUERIES["image"]),), 5, 9)
        cancelled_and_asked_again(lambda: index.asearch(request), lambda hits: [hit.id for hit in hits])
