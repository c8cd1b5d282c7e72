"""The vector stores of LlamaIndex that a recipe may name, each by a name of its own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from .options import (
    ChromaOptions,
    FaissOptions,
    LanceOptions,
    MilvusOptions,
    PgVectorOptions,
    PineconeOptions,
    StoreOptions,
    WeaviateOptions,
)

if TYPE_CHECKING:
    from imagora.stages import Identity

    from .neighbours import Neighbours


@dataclass(frozen=True)
class KnownStore:
    """A store: what it is, what it takes, what brings it, and the class of ours that speaks to it.

    server: it never lives in the folder of the index.
    """

    name: str
    summary: str
    options: type[StoreOptions]
    adapter: tuple[str, str]
    requires: tuple[str, ...]
    server: bool = False
    about: str = "Payloads, filters and the sparse leg are in a catalogue beside it; the store finds near vectors."

    def neighbours(self, options: StoreOptions, leg: str, identity: Identity) -> Neighbours:
        """Make the store of one leg; nothing is opened."""
        module, class_ = self.adapter
        made: Any = getattr(import_module(f"imagora_llama_index.stores.{module}"), class_)
        neighbours: Neighbours = made(options, leg, identity, options.path / self.name)
        return neighbours

    def alone(self, options: StoreOptions) -> bool:
        """Say whether it lives in the folder of the index, which then one process at a time can have open."""
        return not self.server and getattr(options, "url", None) is None

    def place(self, options: StoreOptions) -> str:
        """Say where an index is: a folder and, for a server, an address without credentials."""
        url = getattr(options, "url", None)
        if url is None:
            return f"{options.path}, with {self.name}" if self.server else str(options.path)
        parts = urlsplit(url.get_secret_value() if isinstance(url, SecretStr) else url)
        return (
            f"{options.path}, {parts._replace(netloc=parts.netloc.rpartition('@')[2], query='', fragment='').geturl()}"
        )


def _known(*stores: KnownStore) -> dict[str, KnownStore]:
    return {store.name: store for store in stores}


KNOWN_STORES = _known(
    KnownStore(
        "faiss",
        "one FAISS index for each dense leg, in a folder of this machine",
        FaissOptions,
        ("faiss_file", "FaissFile"),
        ("llama_index.vector_stores.faiss", "faiss"),
    ),
    KnownStore(
        "milvus",
        "Milvus, in a folder of this machine (Milvus Lite) or on a server",
        MilvusOptions,
        ("milvus", "Milvus"),
        ("llama_index.vector_stores.milvus", "pymilvus"),
    ),
    KnownStore(
        "chroma",
        "Chroma, in a folder of this machine or on a server",
        ChromaOptions,
        ("chroma", "Chroma"),
        ("llama_index.vector_stores.chroma", "chromadb"),
    ),
    KnownStore(
        "lancedb",
        "LanceDB, in a folder of this machine",
        LanceOptions,
        ("lancedb_table", "LanceTable"),
        ("llama_index.vector_stores.lancedb", "lancedb"),
    ),
    KnownStore(
        "weaviate",
        "Weaviate on a server, a collection of it for each dense leg",
        WeaviateOptions,
        ("weaviate_collection", "WeaviateCollection"),
        ("llama_index.vector_stores.weaviate", "weaviate"),
        server=True,
    ),
    KnownStore(
        "pinecone",
        "Pinecone's service, an index of it for each dense leg",
        PineconeOptions,
        ("pinecone_index", "PineconeIndex"),
        ("llama_index.vector_stores.pinecone", "pinecone"),
        server=True,
    ),
    KnownStore(
        "pgvector",
        "PostgreSQL with the extension vector, a table for each dense leg",
        PgVectorOptions,
        ("pgvector_table", "PgVectorTable"),
        ("llama_index.vector_stores.postgres", "pgvector"),
        server=True,
    ),
)
