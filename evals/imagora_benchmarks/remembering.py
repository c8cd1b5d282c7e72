"""An embedder that embeds each thing once, for evaluations that ask the same in many ways."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from imagora.stages import Embedder


class Remembering:
    """Stands before an embedder and keeps every vector that a query was given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder: Any = embedder
        self._kept: dict[tuple[str, str | bytes], Any] = {}

    @classmethod
    def of(cls, embedder: Embedder) -> Any:
        """Put one before an embedder; a sparse one is quick enough as it is."""
        return embedder if hasattr(embedder, "embed_query") else cls(embedder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def get_query_embedding(self, query: str) -> list[float]:
        """Give the vector of words."""
        return self._once("words", query, self._embedder.get_query_embedding, query)

    def get_image_embedding(self, img_file_path: BytesIO) -> list[float]:
        """Give the vector of a picture."""
        return self._once("picture", img_file_path.getvalue(), self._embedder.get_image_embedding, img_file_path)

    def _once(self, sort: str, key: str | bytes, embed: Callable[[Any], list[float]], thing: Any) -> list[float]:
        if (sort, key) not in self._kept:
            self._kept[sort, key] = embed(thing)
        kept: list[float] = self._kept[sort, key]
        return kept
