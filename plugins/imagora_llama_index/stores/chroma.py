"""Chroma: a collection for each leg, in a folder or on a server; near vectors by a graph."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import chromadb
from chromadb.config import Settings
from llama_index.vector_stores.chroma import ChromaVectorStore

from .neighbours import Neighbours

_SECURE = 443


class Chroma(Neighbours):
    """One collection of Chroma, whose scores are products."""

    @property
    def named(self) -> str:
        return f"{self.options.collection}-{self.leg}"

    def count(self) -> int:
        return int(self.store.client.count())

    def clear(self) -> None:
        self._client.delete_collection(self.named)
        self._store = self._collection()

    def detach(self) -> None:
        """Close the client: Chroma keeps one for each folder, which would answer from files that are gone."""
        if self._store is not None:
            self._client.close()
        super().detach()

    def _opened(self) -> Any:
        quiet = Settings(anonymized_telemetry=False)
        if self.options.url is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._client: Any = chromadb.PersistentClient(path=str(self.folder), settings=quiet)
        else:
            parts = urlsplit(self.options.url)
            secure = parts.scheme == "https"
            key = self.options.api_key
            self._client = chromadb.HttpClient(
                host=parts.hostname or "",
                port=parts.port or (_SECURE if secure else 8000),
                ssl=secure,
                headers={"x-chroma-token": key.get_secret_value()} if key else None,
                settings=quiet,
            )
        return self._collection()

    def _collection(self) -> Any:
        graph = {"space": "ip", "ef_search": self.options.ef, "max_neighbors": self.options.m}
        made = self._client.get_or_create_collection(self.named, configuration={"hnsw": graph}, embedding_function=None)
        return ChromaVectorStore(chroma_collection=made)
