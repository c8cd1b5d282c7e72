"""Weaviate, spoken to on 127.0.0.1: the contract, what leaves this machine, and what a server refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import UnusableIndex
from imagora.testing import IndexContract
from imagora.testing.index import LEGS, entry, find

from .places import index_of, making

making("weaviate", url="http://127.0.0.1:8080")

from .weaviate_server import Weaviate, weaviate_service  # noqa: E402 - it needs the extra


@pytest.fixture
def service() -> Iterator[Weaviate]:
    with weaviate_service() as service:
        yield service


@pytest.fixture
def make(service: Weaviate) -> Callable[[Path], Any]:
    where = {"url": f"http://127.0.0.1:{service.port}", "grpc_port": service.grpc_port}
    return lambda path: index_of("weaviate", path, collection=path.name.capitalize(), **where)


class TestWeaviate(IndexContract):
    @pytest.fixture
    def make(self, make: Callable[[Path], Any]) -> Callable[[Path], Any]:
        return make


def test_nothing_but_vectors_and_numbers_leaves_this_machine(service: Weaviate, make: Any, tmp_path: Path) -> None:
    index = make(tmp_path / "index")
    index.open(LEGS, create=True)
    index.upsert([entry("a secret name", 0.9, 1.0, {"owner": "somebody"})])
    assert list(find(index, "image", "text")) == ["a secret name"]
    sent = str(service.objects)
    assert len(service.objects) == 2 and "somebody" not in sent and "secret" not in sent
    assert service.schema["Index_image"]["vectorIndexConfig"]["distance"] == "dot"
    index.close()


def test_what_the_server_refuses_is_an_error_and_is_told_again_later(
    service: Weaviate, make: Any, tmp_path: Path
) -> None:
    index = make(tmp_path / "index")
    index.open(LEGS, create=True)
    service.refuse = "the disk is full over there"
    with pytest.raises(UnusableIndex, match="refused 1 of 2 vectors: .*the disk is full over there"):
        index.upsert([entry("a", 0.9), entry("b", 0.5)])
    assert list(find(index)) == ["a", "b"], "the catalogue has it"
    index.close()
    service.refuse = ""
    index = make(tmp_path / "index")
    index.open(LEGS, create=True)
    assert list(find(index)) == ["a", "b"] and len(service.vectors["Index_image"]) == 2
    index.close()
