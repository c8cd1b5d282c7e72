"""Pinecone, spoken to on 127.0.0.1: the contract, and what leaves this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import UnusableIndex
from imagora.testing import IndexContract
from imagora.testing.index import LEGS, entry, find

from .pinecone_server import KEY, Service, pinecone_service
from .places import index_of, making

making("pinecone", api_key=KEY)


@pytest.fixture
def service() -> Iterator[Service]:
    with pinecone_service() as service:
        yield service


@pytest.fixture
def make(service: Service) -> Callable[[Path], Any]:
    def named(path: Path) -> Any:
        return index_of("pinecone", path, api_key=KEY, url=service.url, collection=path.name)

    return named


class TestPinecone(IndexContract):
    @pytest.fixture
    def make(self, make: Callable[[Path], Any]) -> Callable[[Path], Any]:
        return make


def test_nothing_but_vectors_and_numbers_leaves_this_machine(service: Service, make: Any, tmp_path: Path) -> None:
    index = make(tmp_path / "index")
    index.open(LEGS, create=True)
    index.upsert([entry("a secret name", 0.9, 1.0, {"owner": "somebody"})])
    assert list(find(index, "image", "text")) == ["a secret name"]
    sent = str(service.calls)
    assert "somebody" not in sent and "secret" not in sent and entry("a secret name").id not in sent
    assert {call[1] for call in service.calls} >= {"/of/index-image/vectors/upsert", "/of/index-text/query"}
    assert service.indexes["index-image"]["metric"] == "dotproduct"
    index.close()


def test_a_wrong_key_and_vectors_of_others_are_told_in_words(service: Service, make: Any, tmp_path: Path) -> None:
    index = make(tmp_path / "index")
    index.open(LEGS, create=True)
    index.upsert([entry("a", 0.9)])
    index.close()
    other = index_of("pinecone", tmp_path / "other", api_key=KEY, url=service.url, collection="index")
    with pytest.raises(UnusableIndex, match=r"'index-image' has vectors in it already"):
        other.open(LEGS, create=True)
    wrong = index_of("pinecone", tmp_path / "wrong", api_key="wrong", url=service.url)
    with pytest.raises(UnusableIndex, match="pinecone.*Invalid API Key"):
        wrong.open(LEGS, create=True)
