"""Where the tests' Qdrant indexes live: a folder, the client's own local mode, or a real server where there is one."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from imagora_qdrant.index import EmbeddedIndex, QdrantIndex
from imagora_qdrant.options import QdrantOptions
from imagora_qdrant.server_generations import ServerGenerations
from qdrant_client import QdrantClient

SERVER = os.environ.get("IMAGORA_QDRANT_URL")


class LocalReader:
    """The asynchronous client's two methods that are used, on a local collection that the synchronous client made."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    async def query_batch_points(self, name: str, requests: list[Any]) -> list[Any]:
        return self._client.query_batch_points(name, requests)


class Unclosed:
    """A client whose memory outlives its closing, as a server's does."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def close(self) -> None: ...


_local: dict[str, QdrantClient] = {}


def embedded(path: Path, **options: Any) -> QdrantIndex:
    return EmbeddedIndex(QdrantOptions(path=path, **options), "gallery")


def local(path: Path, **options: Any) -> QdrantIndex:
    """Give the server's form on the client's local mode; one path is one collection."""
    client = client_of(path)
    options = {"collection": "gallery", **options}
    chosen = QdrantOptions(url="http://user:secret@local.test:6333", **options)
    writer: Any = Unclosed(client)
    reader: Any = LocalReader(client)
    return QdrantIndex(chosen, "gallery", ServerGenerations(chosen, lambda: writer, lambda: reader))


def client_of(path: Path) -> QdrantClient:
    """Give the client behind `local`."""
    return _local.setdefault(str(path), QdrantClient(":memory:"))


def server(path: Path, **options: Any) -> QdrantIndex:
    name = f"imagora-test-{uuid.uuid5(uuid.NAMESPACE_URL, str(path))}"
    return QdrantIndex(QdrantOptions(url=SERVER, collection=name, **options), "gallery")


def store_of(index: QdrantIndex) -> Any:
    """Give what an open index writes to."""
    assert index._open_one
    return index._open_one[1]
