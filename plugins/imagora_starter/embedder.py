"""The starter's encoder as a LlamaIndex multi-modal embedding."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from imagora import Identity
from imagora.errors import QueryError, StageError
from imagora.threads import beside
from imagora_onnx.int8 import VERSION as INT8
from imagora_onnx.int8_convolutions import VERSION as INT8_PICTURES
from llama_index.core.embeddings import MultiModalEmbedding
from pydantic import PrivateAttr

from .export import SIDE, VERSION
from .head import header, weights_digest
from .options import StarterOptions
from .towers import MAX_TOKENS, MAX_WINDOWS, Floats, TextTower, picture_tower, text_tower

log = logging.getLogger(__name__)

Vectors = list[list[float]]


class StarterEmbedding(MultiModalEmbedding):
    """Words and pictures to unit vectors of 384 numbers; each tower is loaded when it is first needed."""

    parallel: ClassVar[bool] = True  # ONNX Runtime's sessions may be called from many threads
    quick: ClassVar[bool] = True
    # On a processor more at once are no sooner done, and all of them wait for the last one.
    usual_batching: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "words": {"most": 8},
        "pictures": {"most": 1, "at_once": 2},
    }

    _options: StarterOptions = PrivateAttr()
    _cut: int = PrivateAttr(default=0)
    _lock: Any = PrivateAttr(default_factory=Lock)

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
        split = self._options.long_text == "split"
        long = f"{MAX_WINDOWS} windows at most" if split else f"long text {self._options.long_text}"
        preprocessing = f"white square, trimmed, {SIDE} bicubic; {MAX_TOKENS} tokens, {long}"
        if self._options.backend == "onnx-int8":
            preprocessing += f"; in 8 bits, words' version {INT8}, pictures' {INT8_PICTURES}"
        return Identity("starter", digest, preprocessing, 384, "cosine")

    def _tower(self) -> TextTower:
        int8 = self._options.backend == "onnx-int8"
        # In 8 bits, threads cost more than they bring.
        return text_tower(self._options.threads or int(int8), int8=int8)

    @property
    def texts_cut(self) -> int:
        """How many texts have lost their end so far."""
        return self._cut

    def _texts(self, texts: list[str], error: type[StageError] | type[QueryError]) -> Floats:
        options = self._options  # Pydantic takes a while to find it

        def on_longer(count: int) -> None:
            if options.long_text == "refuse":
                what = f"'starter' reads at most {MAX_TOKENS} tokens and a text is longer; shorten it, or write"
                raise error(f"{what} 'long_text: split' or 'long_text: cut'")
            with self._lock:
                first, self._cut = not self._cut, self._cut + count
            if first:  # an ingest's report has the number
                log.warning("'starter' cuts texts to %d tokens", most * MAX_TOKENS)

        most = MAX_WINDOWS if options.long_text == "split" else 1
        return self._tower().embed(texts, options.batch_size, most, on_longer)

    def _get_text_embeddings(self, texts: list[str]) -> Vectors:
        vectors: Vectors = self._texts(texts, StageError).tolist()
        return vectors

    def _get_image_embeddings(self, img_file_paths: list[Any]) -> Vectors:
        pictures = [Path(p) if isinstance(p, str) else p for p in img_file_paths]
        threads = self._options.threads or int(beside.get() > 1)  # 0: one for each core
        tower = picture_tower(threads, int8=self._options.backend == "onnx-int8")
        vectors: Vectors = tower.embed(pictures, self._options.batch_size).tolist()
        return vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def get_query_embedding_batch(self, queries: list[str]) -> Vectors:
        """Embed the words of several queries in one call; see `imagora.stages.QueryBatchEmbedder`."""
        rows = self._texts(queries, QueryError)
        if self._options.long_text != "cut":  # the generator reads all of a question
            tower = self._tower()
            for query, row in zip(queries, rows, strict=True):
                tower.remember(query, row)
        vectors: Vectors = rows.tolist()
        return vectors

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.get_query_embedding_batch([query])[0]

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
