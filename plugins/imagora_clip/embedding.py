"""CLIP as a LlamaIndex MultiModalEmbedding that knows its identity."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagora.errors import QueryError, StageError
from imagora.stages import Identity
from llama_index.core.embeddings import MultiModalEmbedding
from pydantic import PrivateAttr

from .options import ClipOptions

if TYPE_CHECKING:
    from .towers import Towers

log = logging.getLogger(__name__)


class ClipEmbedding(MultiModalEmbedding):
    """Pictures and words to unit vectors of one space by an open_clip model, loaded when it is first needed.

    Pictures come as paths or as BytesIO. Vectors are lists of floats of length 1, in the order of what came in.
    """

    _options: ClipOptions = PrivateAttr()
    _towers: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)
    _cut: int = PrivateAttr(default=0)

    def __init__(self, options: ClipOptions) -> None:
        super().__init__(model_name=options.model, embed_batch_size=options.batch_size)
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex's events carry."""
        return "ClipEmbedding"

    def identity(self) -> Identity:
        """Say what makes the vectors; loads the model."""
        clip, options = self._loaded().clip, self._options
        how = f"{clip.preprocessing}, {clip.tokens.context_length} tokens, long text {options.long_text}"
        return Identity(
            embedder=f"clip {clip.name}",
            weights=clip.weights_hash,
            preprocessing=f"{how}, {options.precision}",
            dimension=clip.dimension,
            metric="cosine",
        )

    @property
    def texts_cut(self) -> int:
        """How many texts have lost their end so far, with `long_text: cut`."""
        return self._cut

    def _loaded(self) -> Towers:
        with self._lock:
            if self._towers is None:
                from .towers import Towers

                self._towers = Towers(self._options)
            towers: Towers = self._towers
            return towers

    def _texts(self, texts: Sequence[str], error: type[StageError] | type[QueryError]) -> list[list[float]]:
        towers = self._loaded()
        long = towers.clip.tokens.too_long(texts)
        if any(long) and self._options.long_text == "split":
            return towers.embed_long_texts(texts, long)
        if any(long):
            self._refuse_or_count(texts, long, error)
        return towers.embed_texts(texts)

    def _refuse_or_count(
        self, texts: Sequence[str], long: Sequence[bool], error: type[StageError] | type[QueryError]
    ) -> None:
        room = self._loaded().clip.tokens.context_length
        if self._options.long_text == "refuse":
            length = len(texts[long.index(True)])
            raise error(
                f"'clip' reads at most {room} tokens and a text of {length} characters is longer; shorten it, or write "
                "'long_text: split' or 'long_text: cut'"
            )
        with self._lock:
            first, self._cut = not self._cut, self._cut + sum(long)
        if first:  # an ingest's report has the number
            log.warning("'clip' cuts texts to the %d tokens that it reads; 'long_text: split' reads all of them", room)

    def get_query_embedding_batch(self, queries: list[str]) -> list[list[float]]:
        """Embed the words of several queries in one call; see `imagora.stages.QueryBatchEmbedder`."""
        return self._texts([self._options.query_template.replace("{}", query) for query in queries], QueryError)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.get_query_embedding_batch([query])[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._texts([text], StageError)[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._texts(texts, StageError)

    def _get_image_embedding(self, img_file_path: str | BytesIO) -> list[float]:
        return self._get_image_embeddings([img_file_path])[0]

    def _get_image_embeddings(self, img_file_paths: list[str | BytesIO]) -> list[list[float]]:
        return self._loaded().embed_pictures(img_file_paths)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)

    async def _aget_image_embedding(self, img_file_path: str | BytesIO) -> list[float]:
        return await asyncio.to_thread(self._get_image_embedding, img_file_path)

    async def _aget_image_embeddings(self, img_file_paths: list[str | BytesIO]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_image_embeddings, img_file_paths)
