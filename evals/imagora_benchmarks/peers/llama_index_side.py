"""LlamaIndex: a VectorStoreIndex over Qdrant's local mode, as its documentation wires it."""

from __future__ import annotations

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from .setup import Names, Search, Setup

PACKAGES = (
    "llama-index-core", "llama-index-vector-stores-qdrant", "llama-index-embeddings-huggingface",
    "qdrant-client", "sentence-transformers", "torch",
)  # fmt: skip


def opened(setup: Setup) -> tuple[Search, Names]:
    """Put nodes with their vectors into the store, and make a retriever."""
    corpus = setup.corpus
    store = QdrantVectorStore(collection_name="captions", client=QdrantClient(":memory:"))
    store.add(
        [
            TextNode(text=text, metadata={"uri": corpus.uri(number)}, embedding=corpus.vectors[number].tolist())
            for number, text in enumerate(corpus.texts)
        ]
    )
    model = HuggingFaceEmbedding(model_name=setup.model, device="cpu")
    retriever = VectorStoreIndex.from_vector_store(store, embed_model=model).as_retriever(similarity_top_k=setup.k)
    return retriever.retrieve, lambda found: [one.node.metadata["uri"] for one in found]
