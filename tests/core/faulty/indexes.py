"""Faulty indexes: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import toy_index
from imagora import testing as t
from imagora.errors import IdentityMismatch
from toy_index import ToyMemory, holds

from faulty.making import later, method


def make(kind: Any) -> Any:
    return pytest.fixture(lambda self: kind)


class Twice(ToyMemory):
    def upsert(self, entries: Any) -> None:
        super().upsert([replace(e, id=e.id + "x" * (e.id in self.entries)) for e in entries])


class FaultyReplace(t.IndexContract):
    """Writing an entry again leaves the old one beside the new one."""

    real = "LlamaIndex's IngestionPipeline after a crash"
    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Twice)


class Merging(ToyMemory):
    def upsert(self, entries: Any) -> None:
        old = {e.id: self.entries[e.id].vectors for e in entries if e.id in self.entries}
        super().upsert([replace(e, vectors={**old.get(e.id, {}), **e.vectors}) for e in entries])


class FaultyMerge(t.IndexContract):
    """An entry that is written again keeps old vectors that the new one does not have."""

    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Merging)


class Strict(ToyMemory):
    def delete(self, ids: Sequence[str]) -> None:
        for name in ids:
            del self.entries[name]


class FaultyDelete(t.IndexContract):
    """Deleting what is not there raises an error."""

    error = "KeyError"
    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Strict)


class Adding(ToyMemory):
    def set_payloads(self, payloads: Any) -> None:
        super().set_payloads({id_: {**self.entries[id_].payload, **payload} for id_, payload in payloads.items()})


class FaultyRelabelling(t.IndexContract):
    """A new payload keeps keys of the old one."""

    fails = "test_new_payloads_leave_the_vectors"
    make = make(Adding)


class Cutting(ToyMemory):
    def upsert(self, entries: Any) -> None:
        short = {e.id: {k: v[:65535] if isinstance(v, str) else v for k, v in e.payload.items()} for e in entries}
        super().upsert([replace(e, payload=short[e.id]) for e in entries])


class FaultyPayload(t.IndexContract):
    """Texts in a payload are cut at 65,535 characters."""

    fails = "test_payloads_come_back_as_they_were"
    make = make(Cutting)


class Afterwards(ToyMemory):
    """Filters what it found, instead of what it searches."""

    async def asearch(self, request: Any) -> Any:
        hits = await super().asearch(replace(request, filter=None))
        return [hit for hit in hits if holds(request.filter, hit.payload)]


class FaultyFilterRoom(t.IndexContract):
    """It filters what it found instead of what it searches, so that too few are left."""

    fails = "test_a_filter_leaves_room_for_all_that_fit"
    make = make(Afterwards)


class LooseMissing(ToyMemory):
    async def asearch(self, request: Any) -> Any:
        hits = await super().asearch(request)
        strict = type(request.filter).__name__ == "Ne"
        return [hit for hit in hits if not strict or request.filter.field in hit.payload]


class FaultyNe(t.IndexContract):
    """'Is not red' loses all that has no colour."""

    fails = "test_filters_keep_exactly_what_fits"
    make = make(LooseMissing)


class FaultyOrderOfHits(t.IndexContract):
    """The worst hit comes first."""

    fails = "test_hits_are_best_first_within_the_limit"
    make = make(later(ToyMemory, "asearch", lambda hits, request: hits[::-1]))


class FaultyLimit(t.IndexContract):
    """One hit more comes than was asked for."""

    fails = "test_hits_are_best_first_within_the_limit"

    class Endless(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            return await super().asearch(replace(request, limit=request.limit + 1))

    make = make(Endless)


class FaultyScores(t.IndexContract):
    """The fused score stands where each leg's raw score should."""

    fails = "test_scores_are_raw_on_every_leg_that_the_entry_has"
    make = make(
        later(ToyMemory, "asearch", lambda hits, request: [replace(h, scores={"image": h.score}) for h in hits])
    )


class FaultyFormula(t.IndexContract):
    """Ranks are counted from 1 instead of 0."""

    fails = "test_fusion_follows_its_formula"

    class FromOne(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            return await super().asearch(replace(request, rrf_k=request.rrf_k + 1))

    make = make(FromOne)


class FaultyWeights(t.IndexContract):
    """The weights of the legs are ignored."""

    fails = "test_fusion_follows_its_formula"

    class Unweighted(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            legs = tuple(replace(leg, weight=1.0) for leg in request.legs)
            return await super().asearch(replace(request, legs=legs))

    make = make(Unweighted)


class FaultyNegativeWeight(t.IndexContract):
    """What a query is not about counts as what it is about."""

    fails = "test_a_leg_query_of_negative_weight_puts_down_what_it_finds"

    class Upward(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            legs = tuple(replace(leg, weight=abs(leg.weight)) for leg in request.legs)
            return await super().asearch(replace(request, legs=legs))

    make = make(Upward)


class FaultyStoredVectors(t.IndexContract):
    """Stored vectors come back for entries that have none."""

    fails = "test_stored_vectors_come_back"
    make = make(method(ToyMemory, "vectors", lambda found, ids, leg: {key: [0.0, 3.0] for key in ids}))


class FaultyAtOnce(t.IndexContract):
    """Two searches at once get one answer."""

    fails = "test_searches_at_once_do_not_mix"

    class Held(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            self.held = request
            await asyncio.sleep(0)
            return await super().asearch(self.held)

    make = make(Held)


class FaultyForgetting(t.IndexContract):
    """A deleted entry is back when the index is opened again."""

    fails = "test_what_was_written_is_there_when_opened_again"

    class Forgetting(ToyMemory):
        def delete(self, ids: Sequence[str]) -> None:
            for name in ids:
                self.entries.pop(name, None)

    make = make(Forgetting)


class FaultyMissing(t.IndexContract):
    """Searching an index that is not there makes an empty one."""

    fails = "test_an_index_that_is_not_there_is_missing"

    class Making(ToyMemory):
        def open(self, legs: Any, *, create: bool) -> None:
            super().open(legs, create=True)

    make = make(Making)


class FaultyTrust(t.IndexContract):
    """Vectors of another embedder are taken."""

    fails = "test_vectors_of_another_embedder_are_refused"

    class Trusting(ToyMemory):
        def open(self, legs: Any, *, create: bool) -> None:
            try:
                super().open(legs, create=create)
            except IdentityMismatch:
                self.identities, self.entries = toy_index.ToyMemory._read(self) or ({}, {})

    make = make(Trusting)


class FaultyReplacedFilter(t.IndexContract):
    """Of several conditions only the last one counts: what a query asks for takes the place of its tenant."""

    real = "LlamaIndex's qdrant_filters"
    fails = "test_no_filter_beside_a_tenants_lets_others_through"

    class Replacing(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            parts = getattr(request.filter, "parts", ())
            return await super().asearch(replace(request, filter=parts[-1] if parts else request.filter))

    make = make(Replacing)


class FaultyFilterOfOneLeg(t.IndexContract):
    """Only the first leg is filtered."""

    fails = "test_no_filter_beside_a_tenants_lets_others_through"

    class FirstLeg(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            first, rest = request.legs[:1], request.legs[1:]
            hits = await super().asearch(replace(request, legs=first))
            others = await super().asearch(replace(request, legs=rest, filter=None)) if rest else []
            return list({hit.id: hit for hit in [*hits, *others]}.values())[: request.limit]

    make = make(FirstLeg)


class FaultyUnchanged(t.IndexContract):
    """An entry whose vectors are the same is not written, though its metadata is new."""

    real = "LlamaIndex's ImageNode.hash"
    fails = "test_no_filter_beside_a_tenants_lets_others_through"

    class Sparing(ToyMemory):
        def upsert(self, entries: Any) -> None:
            there = self.entries
            super().upsert([e for e in entries if e.id not in there or there[e.id].vectors != e.vectors])

    make = make(Sparing)


class FaultyDeleteNothing(t.IndexContract):
    """Deleting matches nothing, and says nothing."""

    real = "LlamaIndex's delete_nodes by a filter, in Qdrant's local mode"
    fails = "test_what_is_deleted_is_gone_from_everywhere"
    make = make(type("Keeping", (ToyMemory,), {"delete": lambda self, ids: None}))


class FaultyDeletePoints(t.IndexContract):
    """Deleting takes the entry from the list of ids; its vectors are still found."""

    fails = "test_what_is_deleted_is_gone_from_everywhere"

    class Hiding(ToyMemory):
        def __init__(self, path: Any = None) -> None:
            super().__init__(path)
            self.hidden: set[str] = set()

        def upsert(self, entries: Any) -> None:
            self.hidden -= {entry.id for entry in entries}
            super().upsert(entries)

        def delete(self, ids: Sequence[str]) -> None:
            self.hidden |= set(ids)

        def count(self) -> int:
            return len(self.entries.keys() - self.hidden)

        def ids(self) -> Any:
            return iter(self.entries.keys() - self.hidden)

    make = make(Hiding)


class FaultyPage(t.IndexContract):
    """The ids stop at 9,999."""

    real = "LlamaIndex's get_nodes on Qdrant"
    fails = "test_ten_thousand_entries_are_counted_given_and_deleted"
    make = make(type("Paged", (ToyMemory,), {"ids": lambda self: iter(list(self.entries)[:9_999])}))


class FaultyLegs(t.IndexContract):
    """It holds one dense vector an entry; the picture's takes the place of the text's."""

    real = "LlamaIndex's QdrantVectorStore"
    fails = "test_scores_are_raw_on_every_leg_that_the_entry_has"

    class OneDense(ToyMemory):
        def upsert(self, entries: Any) -> None:
            kept = [{k: v for k, v in e.vectors.items() if k != "text" or "image" not in e.vectors} for e in entries]
            super().upsert([replace(e, vectors=vectors) for e, vectors in zip(entries, kept, strict=True)])

    make = make(OneDense)


class FaultyMood(t.IndexContract):
    """The same search finds other things the second time."""

    fails = "test_a_search_finds_the_same_each_time_in_a_loop_or_not"

    class Moody(ToyMemory):
        asked = 0

        async def asearch(self, request: Any) -> Any:
            self.asked += 1
            return (await super().asearch(replace(request, limit=50)))[self.asked % 2 :][: request.limit]

    make = make(Moody)


class FaultyCancelledSearch(t.IndexContract):
    """A search that is cancelled leaves the next one nothing."""

    fails = "test_a_search_that_is_cancelled_ends_and_harms_no_other"

    class Fragile(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            kept, self.entries = self.entries, {}
            await asyncio.sleep(0.005)
            self.entries = kept
            return await super().asearch(request)

    make = make(Fragile)
