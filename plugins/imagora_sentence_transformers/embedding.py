"""A text model of sentence-transformers as a LlamaIndex embedding that knows its identity."""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagora.errors import QueryError, StageError
from imagora.stages import Identity
from imagora_onnx.int8 import VERSION as INT8
from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr

from .options import EmbeddingOptions

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)


class SentenceTransformersEmbedding(BaseEmbedding):
    """Words to vectors by a sentence-transformers model, loaded when it is first needed.

    Vectors are lists of floats, of length 1 with `normalise`, in the order of the texts.
    """

    _options: EmbeddingOptions = PrivateAttr()
    _model: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)  # fast tokenizers must not run in two threads at once
    _identity: Identity | None = PrivateAttr(default=None)
    _cut: int = PrivateAttr(default=0)

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

            self._model = load("sentence_transformers", self._options, self._make)
        model: SentenceTransformer = self._model
        return model

    def _make(self, name: str, device: str, is_local: bool) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(name, device=device, trust_remote_code=False, local_files_only=is_local)
        if self._options.max_length is not None:
            model.max_seq_length = self._options.max_length
        return model.eval()

    @property
    def texts_cut(self) -> int:
        """How many texts have lost their end so far, with `long_text: cut`."""
        return self._cut

    def _encode(self, texts: list[str], *, query: bool) -> list[list[float]]:
        from .long_texts import longer, parts

        with self._lock:
            model = self._loaded()
            prompt = _prompt(model, self._options, query=query)
            long = longer(model, prompt, texts)
            if not any(long):
                return [row.tolist() for row in self._vectors(model, texts, query=query)]
            if self._options.long_text != "split":
                self._refuse_or_count(sum(long), model.max_seq_length, QueryError if query else StageError)
                return [row.tolist() for row in self._vectors(model, texts, query=query)]
            pieces = [parts(model, prompt, t) if is_long else [t] for t, is_long in zip(texts, long, strict=True)]
            rows = iter(self._vectors(model, [piece for group in pieces for piece in group], query=query))
        return [self._mean(list(islice(rows, len(group)))) for group in pieces]

    def _vectors(self, model: SentenceTransformer, texts: list[str], *, query: bool) -> Any:
        options = self._options
        encode = model.encode_query if query else model.encode_document
        return encode(
            texts,
            prompt=options.query_prompt if query else options.document_prompt,
            batch_size=options.batch_size,
            normalize_embeddings=options.normalise,
            show_progress_bar=False,
            convert_to_numpy=True,
        )

    def _mean(self, rows: list[Any]) -> list[float]:
        vector = sum(rows[1:], rows[0]) / len(rows)
        length = float((vector**2).sum() ** 0.5) if self._options.normalise and len(rows) > 1 else 1.0
        mean: list[float] = (vector / (length or 1.0)).tolist()
        return mean

    def _refuse_or_count(self, count: int, room: int | None, error: type[StageError] | type[QueryError]) -> None:
        if self._options.long_text == "refuse":
            raise error(
                f"'sentence_transformers' reads at most {room} tokens and a text is longer; shorten it, or write "
                "'long_text: split' or 'long_text: cut'"
            )
        first, self._cut = not self._cut, self._cut + count
        if first:  # an ingest's report has the number
            log.warning("'sentence_transformers' cuts texts to %s tokens; 'long_text: split' reads all of them", room)

    def get_query_embedding_batch(self, queries: list[str]) -> list[list[float]]:
        """Embed the words of several queries in one call; see `imagora.stages.QueryBatchEmbedder`."""
        return self._encode(queries, query=True)

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

    prompt = _prompt(model, options, query=False)
    bits = f", in 8 bits, version {INT8}" if options.backend == "onnx-int8" else ""
    cut = options.long_text == "cut"
    room = f"first {model.max_seq_length} tokens" if cut else f"{model.max_seq_length} tokens, long text "
    how = room + ("" if cut else options.long_text) + (f", after {prompt!r}" if prompt else "")
    return Identity(
        embedder=options.model.rstrip("/").rpartition("/")[2],
        weights=weights_hash(options.model, model),
        preprocessing=how + (", unit length" if options.normalise else "") + bits,
        dimension=model.get_embedding_dimension() or 0,
        metric="cosine" if options.normalise else "dot",
    )


def _prompt(model: SentenceTransformer, options: EmbeddingOptions, *, query: bool) -> str:
    said = options.query_prompt if query else options.document_prompt
    names = ("query",) if query else ("document", "passage", "corpus")
    if said is None:
        said = next((model.prompts[name] for name in (*names, model.default_prompt_name) if name in model.prompts), "")
    return said or ""
