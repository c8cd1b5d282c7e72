"""PostgreSQL with pgvector, for real: the contract on tables that are looked through, and with a graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from imagora.errors import UnusableIndex
from imagora.testing import IndexContract
from imagora.testing.index import LEGS, entry, find

from .places import index_of, making

making("pgvector", url="postgresql://localhost/none")


def place(path: Path, url: str, **more: Any) -> Any:
    return index_of("pgvector", path, url=url, collection=f"t{uuid5(NAMESPACE_URL, str(path)).hex[:20]}", **more)


class TestPgVector(IndexContract):
    @pytest.fixture
    def make(self, pgvector_url: str) -> Callable[[Path], Any]:
        return lambda path: place(path, pgvector_url)


def test_a_graph_finds_the_same(pgvector_url: str, tmp_path: Path) -> None:
    index = place(tmp_path / "index", pgvector_url, kind="hnsw")
    index.open(LEGS, create=True)
    index.upsert([entry(f"{n}", 1 - n / 400, n / 10) for n in range(300)])
    assert list(find(index, limit=5)) == ["0", "1", "2", "3", "4"]
    assert list(find(index, "text", limit=3)) == ["299", "298", "297"]
    index.close()


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    index = place(tmp_path / "index", "postgresql://me:hidden-word@127.0.0.1:9/none")
    with pytest.raises(UnusableIndex, match="pgvector at") as caught:
        index.open(LEGS, create=True)
    assert "hidden-word" not in str(caught.value)
