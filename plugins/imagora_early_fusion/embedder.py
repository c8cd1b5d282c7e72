"""An embedder of whole items: the weighted mean of picture and words, over an embedder that knows both."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, cast

import numpy as np
from imagora import Identity, Item
from imagora.stages import PictureEmbedder, Prepared
from llama_index.core.embeddings import MultiModalEmbedding
from numpy.typing import NDArray
from pydantic import PrivateAttr

from .options import EarlyFusionOptions

Floats = NDArray[np.float64]
NOTHING = 1e-9
"""A mean that is shorter than this has no direction: picture and words point opposite ways."""


class EarlyFusion(MultiModalEmbedding):
    """Items, pictures and words to unit vectors of one space, the space of the embedder within."""

    _options: EarlyFusionOptions = PrivateAttr()
    _inner: Any = PrivateAttr()  # a PictureEmbedder with the rest of a LlamaIndex embedding, which no protocol names

    def __init__(self, options: EarlyFusionOptions, inner: PictureEmbedder) -> None:
        batch = getattr(inner, "embed_batch_size", 32)  # LlamaIndex's own cut batches smaller than the inner one's
        super().__init__(model_name=f"early fusion of {options.of.name}", embed_batch_size=batch)
        self._options, self._inner = options, inner

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex's events carry."""
        return "EarlyFusion"

    def identity(self) -> Identity:
        """Say what makes the vectors: the embedder within, the weight and the words."""
        inner: Identity = self._inner.identity()
        how = f"{inner.preprocessing}; {self._options.weight:g} picture + {1 - self._options.weight:g} words"
        said = f"{how}, words {self._options.words}"
        return Identity(f"early fusion of {inner.embedder}", inner.weights, said, inner.dimension, "cosine")

    @property
    def texts_cut(self) -> int:
        """How many texts the embedder within has cut so far."""
        return int(getattr(self._inner, "texts_cut", 0))

    def embed_items(self, items: Sequence[Prepared]) -> list[Sequence[float] | None]:
        """Give a unit vector for each item, None for one with neither picture nor words; one batch for each part."""
        words = [self._words(one.item) for one in items]
        files = [BytesIO(one.picture.png) for one in items if one.picture]
        pictures = iter(self._inner.get_image_embedding_batch(files) if files else ())
        texts = iter(self._inner.get_text_embedding_batch(said) if (said := [text for text in words if text]) else ())
        return [
            self._fused(next(pictures) if one.picture else None, next(texts) if text else None)
            for one, text in zip(items, words, strict=True)
        ]

    def _words(self, item: Item) -> str:
        if self._options.words == "all":
            return item.words.strip()
        lines = (str(item.metadata.get(key) or "") for key in ("title", "caption"))
        return "\n".join(line for line in lines if line.strip())

    def _fused(self, picture: Sequence[float] | None, words: Sequence[float] | None) -> Sequence[float] | None:
        if picture is None or words is None:
            one = words if picture is None else picture
            return None if one is None else _unit(one)
        share = self._options.weight
        mean = share * np.asarray(_unit(picture)) + (1 - share) * np.asarray(_unit(words))
        return _unit(mean if np.linalg.norm(mean) > NOTHING else picture)

    def _get_query_embedding(self, query: str) -> list[float]:
        return _unit(self._inner.get_query_embedding(query))

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [_unit(vector) for vector in self._inner.get_text_embedding_batch(texts)]

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        return self._get_image_embeddings([img_file_path])[0]

    def _get_image_embeddings(self, img_file_paths: list[Any]) -> list[list[float]]:
        return [_unit(vector) for vector in self._inner.get_image_embedding_batch(img_file_paths)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return _unit(await self._inner.aget_query_embedding(query))

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return _unit(await self._inner.aget_image_embedding(img_file_path))


def _unit(vector: Sequence[float] | Floats) -> list[float]:
    row = np.asarray(vector, np.float64)
    return cast(list[float], (row / max(float(np.linalg.norm(row)), NOTHING)).tolist())
