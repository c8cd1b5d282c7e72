"""The floor: the same models and index, called by hand, with nothing between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .setup import Names, Search, Setup


class _Floor:
    """MiniLM on ONNX Runtime, and Qdrant's engine on a copy of Imagora's index.

    What was found is read: the engine makes a dictionary of a payload when it is looked at, which every use needs.
    """

    PACKAGES = ("onnxruntime", "tokenizers", "qdrant-edge-py")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        import qdrant_edge as edge

        embed = _onnx()
        (engine,) = (setup.folder / "copy").rglob("engine")
        shard = edge.EdgeShard.load(str(engine))

        def search(words: str) -> Any:
            near: Any = edge.Query.Nearest(embed(words), "text")
            return read(shard.query(edge.QueryRequest(setup.k, query=near, with_payload=True)))

        return search, lambda found: [one["_uri"] for one in found]


class _Torch:
    """MiniLM by sentence-transformers, and an exact search: what rankings are held against."""

    PACKAGES = ("sentence-transformers", "torch")

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(setup.model, device="cpu", local_files_only=True)
        vectors = setup.corpus.vectors

        def search(words: str) -> Any:
            vector = model.encode(words, normalize_embeddings=True, show_progress_bar=False)
            scores = vectors @ np.asarray(vector, np.float32)
            best = np.argpartition(-scores, setup.k)[: setup.k]
            return best[np.argsort(-scores[best])]

        return search, lambda best: [setup.corpus.uri(int(number)) for number in best]


floor, torch = _Floor(), _Torch()


def read(points: Any) -> list[dict[str, Any]]:
    """Read what the engine found: name, score and payload."""
    return [{"id": str(point.id), "score": point.score, **point.payload} for point in points]


def _onnx() -> Any:
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types
    from imagora_starter.export import text_model
    from tokenizers import Tokenizer

    folder: Path = text_model()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])

    def embed(words: str) -> list[float]:
        ids = np.array([tokenizer.encode(words).ids], np.int64)
        (vectors,) = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        vector: list[float] = vectors[0].tolist()
        return vector

    return embed
