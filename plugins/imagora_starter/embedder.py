"""The starter's encoder as a LlamaIndex multi-modal embedding."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

from imagora import Identity
from llama_index.core.embeddings import MultiModalEmbedding
from pydantic import PrivateAttr

from .export import VERSION
from .head import header, weights_digest
from .options import StarterOptions
from .towers import MAX_TOKENS, MAX_WINDOWS, SIDE, picture_tower, text_tower

Vectors = list[list[float]]


class StarterEmbedding(MultiModalEmbedding):
    """Words and pictures to unit vectors of 384 numbers; each tower is loaded when it is first needed."""

    _options: StarterOptions = PrivateAttr()

    def __init__(self, options: StarterOptions) -> None:
        super().__init__(model_name="imagora-starter", embed_batch_size=options.batch_size)
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "StarterEmbedding"

    def identity(self) -> Identity:
        """Say what makes these vectors: both towers' weights and the head's."""
        said = header()
        digest = sha256(f"{weights_digest()} {said.minilm} {said.efficientnet} {VERSION}".encode()).hexdigest()
        preprocessing = f"white square, trimmed, {SIDE} bicubic; {MAX_TOKENS} tokens, {MAX_WINDOWS} windows at most"
        return Identity("starter", digest, preprocessing, 384, "cosine")

    def _get_text_embeddings(self, texts: list[str]) -> Vectors:
        vectors: Vectors = text_tower(self._options.threads).embed(texts, self._options.batch_size).tolist()
        return vectors

    def _get_image_embeddings(self, img_file_paths: list[Any]) -> Vectors:
        pictures = [Path(p) if isinstance(p, str) else p for p in img_file_paths]
        vectors: Vectors = picture_tower(self._options.threads).embed(pictures, self._options.batch_size).tolist()
        return vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = text_tower(self._options.threads).remember(query).tolist()
        return vector

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> Vectors:
        return await asyncio.to_thread(self._get_text_embeddings, texts)

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return await asyncio.to_thread(self._get_image_embedding, img_file_path)

    async def _aget_image_embeddings(self, img_file_paths: list[Any]) -> Vectors:
        return await asyncio.to_thread(self._get_image_embeddings, img_file_paths)
