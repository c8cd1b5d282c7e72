"""The sides of queries by picture, all with the starter's picture tower: a picture's file to the ten nearest items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagora
import numpy as np

from .by_hand import read
from .setup import Names, Search, Setup


class _Imagora:
    """A recipe with an image leg; the file is decoded in a limited process, as every picture from outside is."""

    PACKAGES = ("imagora", "llama-index-core", "onnxruntime", "pillow", "qdrant-edge-py")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        pipeline = imagora.load(setup.folder / "recipe.yaml")

        def search(picture: str) -> Any:
            return pipeline.search(pictures=[picture])

        return search, lambda found: [passage.metadata["uri"] for passage in found.passages]


class _Floor:
    """The same tower and Qdrant's engine on a copy of the same index; the file is decoded by Pillow in this process."""

    PACKAGES = ("onnxruntime", "pillow", "qdrant-edge-py")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        import qdrant_edge as edge
        from imagora_starter.towers import picture_tower

        tower = picture_tower(1)
        (engine,) = (setup.folder / "copy").rglob("engine")
        shard = edge.EdgeShard.load(str(engine))

        def search(picture: str) -> Any:
            vector: list[float] = tower.embed([Path(picture)], 1)[0].tolist()
            near: Any = edge.Query.Nearest(vector, "image")
            return read(shard.query(edge.QueryRequest(setup.k, query=near, with_payload=True)))

        return search, lambda found: [one["_uri"] for one in found]


class _Exact:
    """The same tower, and a product with all vectors."""

    PACKAGES = ("onnxruntime", "numpy")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        from imagora_starter.towers import picture_tower

        tower, vectors = picture_tower(1), setup.corpus.vectors

        def search(picture: str) -> Any:
            return np.argsort(-(vectors @ tower.embed([Path(picture)], 1)[0]))[: setup.k]

        return search, lambda best: [setup.corpus.uri(int(number)) for number in best]


class _LlamaIndex:
    """MultiModalVectorStoreIndex over Qdrant's local mode, with the starter's encoder as its picture embedding."""

    PACKAGES = ("llama-index-core", "llama-index-vector-stores-qdrant", "qdrant-client", "onnxruntime", "pillow")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        from imagora_starter.embedder import StarterEmbedding
        from imagora_starter.options import StarterOptions
        from llama_index.core import StorageContext
        from llama_index.core.indices import MultiModalVectorStoreIndex
        from llama_index.core.schema import ImageNode
        from llama_index.vector_stores.qdrant import QdrantVectorStore
        from qdrant_client import QdrantClient

        corpus, client = setup.corpus, QdrantClient(":memory:")
        words, pictures = (QdrantVectorStore(collection_name=name, client=client) for name in ("words", "pictures"))
        pictures.add(
            [
                ImageNode(text=text, metadata={"uri": corpus.uri(number)}, embedding=corpus.vectors[number].tolist())
                for number, text in enumerate(corpus.texts)
            ]
        )
        encoder = StarterEmbedding(StarterOptions(threads=1))
        index = MultiModalVectorStoreIndex(
            nodes=[],
            storage_context=StorageContext.from_defaults(vector_store=words, image_store=pictures),
            embed_model=encoder,
            image_embed_model=encoder,
        )
        retriever = index.as_retriever(image_similarity_top_k=setup.k)
        return retriever.image_to_image_retrieve, lambda found: [one.node.metadata["uri"] for one in found]


imagora_side, floor, exact, llama_index = _Imagora(), _Floor(), _Exact(), _LlamaIndex()
