"""A text model of sentence-transformers as a LlamaIndex embedding that knows its identity."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagora.stages import Identity
from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr

from .options import EmbeddingOptions

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceTransformersEmbedding(BaseEmbedding):
    """Words to vectors by a sentence-transformers model, loaded when it is first needed.

    Vectors are lists of floats, of length 1 with `normalise`, in the order of the texts.
    """

    _options: EmbeddingOptions = PrivateAttr()
    _model: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)  # fast tokenizers must not run in two threads at once
    _identity: Identity | None = PrivateAttr(default=None)

    def __init__(self, options: EmbeddingOptions) -> None:
        super().__init__(model_name=options.model, embed_batch_size=options.batch_size)
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex's events carry."""
        return "SentenceTransformersEmbedding"

    def identity(self) -> Identity:
        """Say what makes the vectors; loads the model. A query's prompt is left out: stored vectors do not have it."""
        with self._lock:
            if self._identity is None:
                self._identity = _identity(self._loaded(), self._options)
            return self._identity

    def _loaded(self) -> SentenceTransformer:
        """Give the model, loading it at the first call; the caller holds the lock."""
        if self._model is None:
            from .models import load

            self._model = load("sentence_transformers", self._options.model, self._options.device, self._make)
        model: SentenceTransformer = self._model
        return model

    def _make(self, name: str, device: str, is_local: bool) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(name, device=device, trust_remote_code=False, local_files_only=is_local)
        if self._options.max_length is not None:
            model.max_seq_length = self._options.max_length
        return model.eval()

    def _encode(self, texts: list[str], *, query: bool) -> list[list[float]]:
        options = self._options
        with self._lock:
            model = self._loaded()
            encode = model.encode_query if query else model.encode_document
            vectors = encode(
                texts,
                prompt=options.query_prompt if query else options.document_prompt,
                batch_size=options.batch_size,
                normalize_embeddings=options.normalise,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return [vector.tolist() for vector in vectors]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._encode([query], query=True)[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._encode([text], query=False)[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._encode(texts, query=False)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


def _identity(model: SentenceTransformer, options: EmbeddingOptions) -> Identity:
    from .models import weights_hash

    prompt = options.document_prompt
    if prompt is None:
        prompt = next((model.prompts[name] for name in ("document", "passage", "corpus") if name in model.prompts), "")
    how = f"first {model.max_seq_length} tokens" + (f", after {prompt!r}" if prompt else "")
    return Identity(
        embedder=options.model.rstrip("/").rpartition("/")[2],
        weights=weights_hash(options.model, model),
        preprocessing=how + (", unit length" if options.normalise else ""),
        dimension=model.get_embedding_dimension() or 0,
        metric="cosine" if options.normalise else "dot",
    )
