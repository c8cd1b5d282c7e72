"""Toy embedders, to test other parts on: colours that pictures and words share, and counts of words."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from llama_index.core.embeddings import MultiModalEmbedding
from PIL import Image

from imagora.stages import Identity, SparseVector

PALETTE = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (30, 60, 220),
    "yellow": (250, 220, 40),
    "black": (10, 10, 10),
    "purple": (130, 40, 160),
    "orange": (250, 140, 20),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
}
OTHER_WORDS = 64


def words_of(text: str) -> list[str]:
    """Give the words of a text in small letters."""
    return re.findall(r"\w+", text.lower())


class ToyColour(MultiModalEmbedding):
    """Shares of the palette's colours; words that are no colours fall into places that pictures never use."""

    model_name: str = "toy_colour"
    weights: str = "1"

    def identity(self) -> Identity:
        """Say what made the vectors."""
        return Identity("toy_colour", self.weights, "nearest of the palette", len(PALETTE) + OTHER_WORDS + 1, "cosine")

    def _unit(self, colours: Any, others: Any) -> list[float]:
        vector = np.concatenate([colours, others, [0.01]])  # the last place keeps an empty text from being no vector
        return [float(value) for value in vector / np.linalg.norm(vector)]

    def _get_text_embedding(self, text: str) -> list[float]:
        counts, others = Counter(words_of(text)), np.zeros(OTHER_WORDS)
        for word, count in counts.items():
            others[zlib.crc32(word.encode()) % OTHER_WORDS] += 0.3 * count * (word not in PALETTE)
        return self._unit([float(counts[name]) for name in PALETTE], others)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        with Image.open(img_file_path) as picture:
            pixels = np.asarray(picture.convert("RGB").resize((32, 32), Image.Resampling.NEAREST), dtype=float)
        distances = ((pixels[:, :, None, :] - np.array(list(PALETTE.values()))) ** 2).sum(-1)
        return self._unit(np.bincount(distances.argmin(-1).ravel(), minlength=len(PALETTE)), np.zeros(OTHER_WORDS))

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return self._get_image_embedding(img_file_path)


class ToyWords:
    """How often each word is there."""

    def __init__(self, lower: bool = True) -> None:
        self.lower = lower

    def identity(self) -> Identity:
        """Say what made the vectors."""
        return Identity("toy_words", f"lower {self.lower}", "words", 0, "bm25")

    def embed_texts(self, texts: Sequence[str]) -> list[SparseVector]:
        return [self._count(text) for text in texts]

    def embed_query(self, query: str) -> SparseVector:
        return SparseVector(indices := self._count(query).indices, (1.0,) * len(indices))

    def _count(self, text: str) -> SparseVector:
        words = re.findall(r"\w+", text.lower() if self.lower else text)
        counts = Counter(zlib.crc32(word.encode()) for word in words)
        places = sorted(counts)
        return SparseVector(tuple(places), tuple(float(counts[place]) for place in places))
