"""The contracts that the plugin's components pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from imagora.testing import ComponentContract, EmbedderContract, IndexContract
from imagora_qdrant.bm25 import Bm25Embedder
from imagora_qdrant.options import Bm25Options
from qdrant_client import QdrantClient

from . import qdrant_places as places


class TestOffers(ComponentContract):
    plugin = "imagora_qdrant"
    examples: ClassVar = {"qdrant": {"path": "index"}}


class TestEmbedded(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return places.embedded


class TestEmbeddedWithFields(IndexContract):
    """The same filters on indexed fields, of which one has the wrong type."""

    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        fields = {"colour": "keyword", "price": "float", "tags": "keyword", "sold": "bool", "n": "integer"}
        return lambda path: places.embedded(path, fields={**fields, "rare": "bool"})


class TestLocalMode(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return places.local


@pytest.mark.skipif(not places.SERVER, reason="IMAGORA_QDRANT_URL is not set to a Qdrant server's address")
class TestServer(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return places.server

    @pytest.fixture(autouse=True)
    def clean(self) -> Iterator[None]:
        yield
        client = QdrantClient(url=places.SERVER)
        for collection in client.get_collections().collections:
            if collection.name.startswith("imagora-test-"):
                client.delete_collection(collection.name)


class TestBm25(EmbedderContract):
    sparse = True

    @pytest.fixture
    def stage(self) -> Any:
        return Bm25Embedder(Bm25Options())
