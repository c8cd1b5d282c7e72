"""Haystack: an embedder and Qdrant's local mode, wired by hand into a pipeline."""

from __future__ import annotations

from typing import Any

from haystack import Document, Pipeline
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersTextEmbedder
from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

from .corpus import WIDTH
from .setup import Names, Search, Setup

PACKAGES = (
    "haystack-ai", "qdrant-haystack", "sentence-transformers-haystack", "qdrant-client", "sentence-transformers",
    "torch",
)  # fmt: skip


def opened(setup: Setup) -> tuple[Search, Names]:
    """Put documents with their vectors into the store, and wire the pipeline."""
    corpus = setup.corpus
    store = QdrantDocumentStore(":memory:", embedding_dim=WIDTH, similarity="cosine", progress_bar=False)
    store.write_documents(
        [
            Document(content=text, meta={"uri": corpus.uri(number)}, embedding=corpus.vectors[number].tolist())
            for number, text in enumerate(corpus.texts)
        ]
    )
    pipeline = Pipeline()
    embedder = SentenceTransformersTextEmbedder(model=setup.model, local_files_only=True, progress_bar=False)
    pipeline.add_component("embedder", embedder)
    pipeline.add_component("retriever", QdrantEmbeddingRetriever(document_store=store, top_k=setup.k))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")

    def search(words: str) -> Any:
        return pipeline.run({"embedder": {"text": words}})

    return search, lambda found: [document.meta["uri"] for document in found["retriever"]["documents"]]
