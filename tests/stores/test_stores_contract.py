"""The contract of indexes, on every vector store that runs here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagora.testing import IndexContract
from imagora.testing.index import LEGS, entry, find

from .places import making


class TestFaiss(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return making("faiss")


class TestMilvus(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return making("milvus")


class TestChroma(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return making("chroma")


class TestLanceDB(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return making("lancedb")


@pytest.mark.parametrize("store", ["milvus", "chroma", "lancedb"])
def test_a_folder_goes_from_one_store_to_another_and_back(store: str, tmp_path: Path) -> None:
    for name in ("faiss", store, "faiss"):
        index = making(name)(tmp_path / "index")
        index.open(LEGS, create=False) if (tmp_path / "index").exists() else index.open(LEGS, create=True)
        if not index.count():
            index.upsert([entry(f"{n}", 1 - n / 20, n) for n in range(10)])
        assert list(find(index, limit=3)) == ["0", "1", "2"] and list(find(index, "text", limit=2)) == ["9", "8"]
        index.close()
        assert {path.name for path in (tmp_path / "index").iterdir() if path.is_dir()} == {name}
