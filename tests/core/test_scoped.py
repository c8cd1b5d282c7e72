"""What the one who asks may not see is not there, whatever sort of index it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from imagora import Principal
from imagora.errors import QueryError
from imagora.scoped import ScopedIndex, principal
from imagora.stages import Entry, GenerationalIndex, Identity, LegQuery, LocalIndex, SearchRequest, VectorIndex

from tests.core.toy_index import ToyMemory

LEG = LegQuery("image", "image", [1.0, 0.0])


class Local(ToyMemory):
    def search(self, request: SearchRequest) -> Any:
        return asyncio.run(self.asearch(request))


def filled(kind: type[ToyMemory]) -> ToyMemory:
    index = kind()
    index.open({"image": Identity("toy", "1", "as is", 2, "cosine")}, create=True)
    index.upsert([Entry(name, {"image": [1.0, 0.0]}, {"shop": name}) for name in ("ours", "theirs")])
    return index


def test_it_can_do_what_its_index_can() -> None:
    plain, local = (ScopedIndex(filled(kind), "shop", "") for kind in (ToyMemory, Local))
    assert isinstance(plain, VectorIndex) and not isinstance(plain, LocalIndex)
    assert isinstance(local, VectorIndex) and isinstance(local, LocalIndex)
    assert not isinstance(local, GenerationalIndex)
    assert (local.count(), local.place) == (2, "memory")


def test_every_way_to_search_keeps_within_what_may_be_seen() -> None:
    local: Any = ScopedIndex(filled(Local), "shop", "")
    request = SearchRequest((LEG,), 5, 5)
    for search in (local.search, lambda request: asyncio.run(local.asearch(request))):
        with pytest.raises(QueryError, match="--tenant"):
            search(request)
        token = principal.set(Principal(tenant="ours"))
        try:
            assert [hit.id for hit in search(request)] == ["ours"]
        finally:
            principal.reset(token)
