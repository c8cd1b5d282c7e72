"""The contract of indexes: writing, filters, fusion, opening again and whose vectors they hold."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagora.errors import IdentityMismatch, IndexMissing, UnusableIndex
from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range
from imagora.stages import (
    GenerationalIndex,
    Hit,
    Identity,
    Index,
    LegQuery,
    SearchRequest,
    SparseVector,
    VectorIndex,
)

from .golden import need
from .index_kept import LEGS, QUERIES, KeptEntries, entry, find

OTHERS = {**LEGS, "image": Identity("other pictures", "w9", "as is", 3, "cosine")}
PAYLOADS: dict[str, dict[str, Any]] = {
    "a": {"colour": "red", "price": 10, "tags": ["toy", "wood"], "sold": True},
    "b": {"colour": "blue", "price": 20.5, "tags": ["toy"]},
    "c": {"colour": "red", "price": 30, "tags": [], "sold": False},
    "d": {"colour": "grün 🟢", "price": 40, "tags": ["wood"]},
    "e": {"nothing": None},
}
FILTERS: list[tuple[Filter, str]] = [
    (Eq("colour", "grün 🟢"), "d"),
    (Eq("tags", "wood"), "ad"),
    (Eq("price", 20.5), "b"),
    (Eq("sold", False), "c"),
    (Eq("nowhere", 1), ""),
    (Ne("colour", "red"), "bde"),
    (Ne("tags", "toy"), "cde"),
    (In("tags", ("wood", "tin")), "ad"),
    (In("price", (20.5, 40)), "bd"),
    (In("colour", ()), ""),
    (Range("price", gt=10, lte=30), "bc"),
    (Range("price", gte=10, lt=20.5), "a"),
    (And((Eq("colour", "red"), Range("price", gte=20))), "c"),
    (Or((Eq("colour", "blue"), Eq("tags", "wood"))), "abd"),
    (Not(Or((Eq("colour", "blue"), And((Eq("colour", "red"), Range("price", lt=20)))))), "cde"),
    (And((Not(Eq("tags", "toy")), Or((Ne("colour", "red"), Not(Ne("sold", False)))))), "cde"),
]


class IndexContract(KeptEntries):
    """Name the `component`, or give the fixture `make`: a function that makes the unopened index that lives at a path.

    durable: what was written is there for another object that opens the same place.
    """

    kind = "index"
    durable = True

    def test_what_was_written_last_is_there_once_until_deleted(self, index: Index) -> None:
        assert index.place and index.count() == 0 and not find(index, *LEGS)
        index.upsert([entry("a", 0.9), entry("b", 0.5), entry("c", 0.1, 1.0)])
        index.upsert([entry("b", 0.95, 2.0, {"new": True}), entry("c", None, 3.0)])
        hits = find(index)
        assert list(hits) == ["b", "a"] and index.count() == 3, "c has no image vector any more"
        assert hits["b"].payload == {"name": "b", "new": True} and hits["b"].id == entry("b").id
        index.delete([entry("a").id, str(uuid.uuid4())])
        index.delete([])
        index.upsert([])
        assert list(find(index)) == ["b"] and index.count() == 2
        assert sorted(index.ids()) == sorted([entry("b").id, entry("c").id])

    def test_new_payloads_leave_the_vectors(self, index: Index) -> None:
        index.upsert([entry("a", 0.9, payload={"old": 1}), entry("b", 0.5, payload={"old": 2})])
        index.set_payloads({entry("a").id: {"name": "a", "new": [1, "two"]}})
        index.set_payloads({})
        hits = find(index)
        assert list(hits) == ["a", "b"] and hits["a"].scores["image"] == pytest.approx(0.9, abs=1e-3)
        assert [dict(hit.payload) for hit in hits.values()] == [
            {"name": "a", "new": [1, "two"]},
            {"name": "b", "old": 2},
        ]

    def test_payloads_come_back_as_they_were(self, index: Index) -> None:
        payload = {
            "Ü 🦊": "東京\n\x01",
            "long": "x" * 300_000,
            "n": 1,
            "f": 0.1,
            "no": None,
            "yes": True,
            "l": ["a", 2],
        }
        index.upsert([entry("a", 0.5, payload=payload)])
        assert find(index)["a"].payload == {"name": "a", **payload}

    @pytest.mark.parametrize(("condition", "fits"), FILTERS, ids=[str(condition) for condition, _ in FILTERS])
    def test_filters_keep_exactly_what_fits(self, index: Index, condition: Filter, fits: str) -> None:
        index.upsert([entry(name, 0.5, 1.0, payload) for name, payload in PAYLOADS.items()])
        assert "".join(sorted(find(index, "image", "text", filter=condition))) == fits

    def test_a_filter_leaves_room_for_all_that_fit(self, index: Index) -> None:
        index.upsert([entry(f"{n}", 1 - n / 400, 1 - n / 400, {"rare": n >= 295}) for n in range(300)])
        for legs in (("image",), ("image", "text")):
            hits = find(index, *legs, limit=5, candidates=5, filter=Eq("rare", True))
            assert list(hits) == ["295", "296", "297", "298", "299"]

    def test_hits_are_best_first_within_the_limit(self, index: Index) -> None:
        index.upsert([entry(name, 0.1 * n, 1.0 * n) for n, name in enumerate("abcdefghi")])
        assert "".join(find(index, limit=4)) == "ihgf"
        for fusion in ("rrf", "dbsf", "weighted"):
            assert "".join(find(index, "image", "text", fusion=fusion)) == "ihgfedcba"

    def test_scores_are_raw_on_every_leg_that_the_entry_has(self, index: Index) -> None:
        term = replace(entry("d"), vectors={"sparse": SparseVector((3, 7), (2.0, 1.5))})
        index.upsert([entry("a", 0.9, 0.5), entry("b", 0.6, 7.0), entry("c", 0.3), term])
        hits = find(index, *LEGS)
        assert hits["a"].scores == pytest.approx({"image": 0.9, "text": 0.5}, abs=1e-3)
        assert hits["c"].scores == pytest.approx({"image": 0.3}, abs=1e-3)
        assert set(hits["d"].scores) == {"sparse"} and hits["d"].scores["sparse"] > 0
        hits = find(index, "image", "text", candidates=1)
        assert hits["b"].scores == pytest.approx({"image": 0.6, "text": 7.0}, abs=1e-3), "no candidate of its image leg"
        twice = (LegQuery("one", "image", [1.0, 0.0, 0.0]), LegQuery("two", "image", [0.0, 0.0, 1.0]))
        scores = asyncio.run(index.asearch(SearchRequest(twice, 1, 5, "weighted")))[0].scores
        assert scores == pytest.approx({"one": 0.9, "two": 0.0}, abs=1e-3), "two queries on one leg keep their names"

    def test_fusion_follows_its_formula(self, index: Index) -> None:
        def fused(*legs: str, **request: Any) -> dict[str, float]:
            return {name: hit.score for name, hit in find(index, *legs, **request).items()}

        index.upsert([entry("a", 0.9, 2.0), entry("b", 0.6, 1.0), entry("c", 0.3, 3.0)])
        both = ("image", "text:0.5")
        rrf = {"a": 1 / 60 + 0.5 / 61, "b": 1 / 61 + 0.5 / 62, "c": 1 / 62 + 0.5 / 60}
        assert fused(*both) == pytest.approx(rrf, rel=1e-3)
        few = {"a": 1 / 5 + 0.5 / 6, "b": 1 / 6, "c": 0.5 / 5}
        assert fused(*both, rrf_k=5, candidates=2) == pytest.approx(few, rel=1e-3)
        assert fused(*both, fusion="weighted") == pytest.approx({"a": 1.9, "b": 1.1, "c": 1.8}, rel=1e-3)
        dbsf = fused("image", fusion="dbsf")
        assert dbsf["b"] == pytest.approx(0.5, abs=1e-2), "the mean is in the middle"
        assert 0.5 < dbsf["a"] < 1 and dbsf["a"] + dbsf["c"] == pytest.approx(1, abs=1e-2)

    def test_a_leg_query_of_negative_weight_puts_down_what_it_finds(self, index: Index) -> None:
        index.upsert([entry("a", 0.9, 3.0), entry("b", 0.8, 1.0), entry("c", 0.7)])
        rrf = find(index, "image", "text:-0.5")
        scores = {"a": 1 / 60 - 0.5 / 60, "b": 1 / 61 - 0.5 / 61, "c": 1 / 62}
        assert {name: hit.score for name, hit in rrf.items()} == pytest.approx(scores, rel=1e-3)
        assert list(find(index, "image", "text:-0.5", fusion="weighted")) == ["c", "b", "a"]

    def test_stored_vectors_come_back(self, index: Index) -> None:
        if not isinstance(index, VectorIndex):
            pytest.skip("this index gives no vectors back")
        term = replace(entry("d"), vectors={"sparse": SparseVector((3, 7), (2.0, 1.5))})
        index.upsert([entry("a", 0.9, 0.5), entry("b", None, 7.0), term])
        ids = [entry(name).id for name in "abd"] + [str(uuid.uuid4())]
        images, texts, sparse = (index.vectors(ids, leg) for leg in LEGS)
        assert list(images) == ids[:1] and index.vectors([], "image") == {}
        assert images[ids[0]] == pytest.approx([0.9, math.sqrt(1 - 0.81), 0.0], abs=1e-6)
        assert {id_: [*vector] for id_, vector in texts.items() if not isinstance(vector, SparseVector)} == {
            ids[0]: [0.5, 3.0],
            ids[1]: [7.0, 3.0],
        }
        assert dict(sparse) == {ids[2]: term.vectors["sparse"]}

    def test_searches_at_once_do_not_mix(self, index: Index) -> None:
        async def search() -> list[list[Hit]]:
            leg = (LegQuery("image", "image", QUERIES["image"]),)
            return await asyncio.gather(*(index.asearch(SearchRequest(leg, 9, 9, filter=Eq("n", n))) for n in range(9)))

        index.upsert([entry(str(n), 0.1 * n, payload={"n": n}) for n in range(9)])
        assert [[hit.payload["n"] for hit in hits] for hits in asyncio.run(search())] == [[n] for n in range(9)]

    def test_what_was_written_is_there_when_opened_again(self, index: Index, make: Any, tmp_path: Path) -> None:
        index.upsert([entry("a", 0.9, 1.0), entry("b", 0.5)])
        index.delete([entry("b").id])
        for create in (False, True):
            index.close()
            index = make(tmp_path / "index") if self.durable else index
            index.open(LEGS, create=create)
            assert list(find(index)) == ["a"] and index.count() == 1
        index.close()

    def test_an_index_that_is_not_there_is_missing(self, make: Callable[[Path], Index], tmp_path: Path) -> None:
        for _ in range(2):  # the first try must not make one
            with pytest.raises(IndexMissing):
                make(tmp_path / "none").open(LEGS, create=False)

    @pytest.mark.parametrize(
        "other", [{"weights": "w9"}, {"embedder": "x"}, {"preprocessing": "cut"}, {"dimension": 4}]
    )
    def test_vectors_of_another_embedder_are_refused(self, make: Any, tmp_path: Path, other: dict[str, Any]) -> None:
        need(self, "durable")
        theirs = replace(LEGS["image"], **other)
        for create in (True, False):
            index = make(tmp_path / "kept")
            index.open(LEGS, create=True)  # the second time: a refusal leaves the index as it was
            index.close()
            with pytest.raises(IdentityMismatch) as caught:
                make(tmp_path / "kept").open({**LEGS, "image": theirs}, create=create)
            assert str(LEGS["image"]) in str(caught.value) and str(theirs) in str(caught.value)

    @pytest.fixture
    def two(self, make: Callable[[Path], Index], tmp_path: Path) -> Iterator[tuple[GenerationalIndex, Index]]:
        """Give the index with "old" in it, and its second generation with "new" in it; both are open."""
        need(self, "durable")
        index = make(tmp_path / "grown")
        if not isinstance(index, GenerationalIndex):
            pytest.skip("this index has no generations")
        assert (index.generations(), index.answering, index.before) == ([], 1, None), "nothing was made yet"
        index.open(LEGS, create=True)
        index.upsert([entry("old", 0.5)])
        second = index.generation(2)
        with pytest.raises(IndexMissing):
            second.open(OTHERS, create=False)
        second.open(OTHERS, create=True)
        second.upsert([entry("new", 0.9)])
        yield index, second
        index.close()
        second.close()

    def test_a_generation_answers_while_another_one_is_built(self, two: Any, make: Any, tmp_path: Path) -> None:
        index, second = two
        assert (list(find(index)), list(find(second))) == (["old"], ["new"]), "neither has what the other one has"
        fresh = make(tmp_path / "grown")
        assert [(each.number, each.legs) for each in fresh.generations()] == [(1, LEGS), (2, OTHERS)]
        assert (fresh.answering, fresh.before) == (1, None)
        assert "2" in second.place.replace(index.place, "") and second.folder == index.folder
        with pytest.raises(IdentityMismatch, match="imagora index switch"):
            fresh.open(OTHERS, create=True)

    def test_a_switch_lets_another_generation_answer_and_can_be_taken_back(
        self, two: Any, make: Any, tmp_path: Path
    ) -> None:
        index, second = two
        index.switch(2)
        assert list(find(index)) == ["old"], "who has the old one open keeps it"
        index.close()
        second.close()
        for legs, others, name, before in ((OTHERS, LEGS, "new", 1), (LEGS, OTHERS, "old", 2)):
            fresh = make(tmp_path / "grown")
            assert (fresh.answering, fresh.before) == (3 - before, before)
            with pytest.raises(IdentityMismatch):
                fresh.open(others, create=False)
            fresh.open(legs, create=False)
            assert list(find(fresh)) == [name]
            fresh.close()
            fresh.switch(before)
        with pytest.raises(IndexMissing):
            index.switch(3)
        assert (index.answering, index.before) == (2, 1), "a refused switch changes nothing"

    def test_a_generation_that_does_not_answer_can_be_dropped(self, two: Any, make: Any, tmp_path: Path) -> None:
        index, second = two
        index.switch(2)
        index.close()
        second.close()
        with pytest.raises(UnusableIndex):
            index.drop(2)
        index.drop(1)
        with pytest.raises(IndexMissing):
            index.drop(1)
        fresh = make(tmp_path / "grown")
        assert ([each.number for each in fresh.generations()], fresh.answering, fresh.before) == ([2], 2, None)
        fresh.open(OTHERS, create=True)
        first = fresh.generation(1)
        first.open(LEGS, create=True)
        assert (list(find(fresh)), first.count()) == (["new"], 0), "one of that number begins empty"
        fresh.close()
        first.close()
