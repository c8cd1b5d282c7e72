"""LlamaIndex's spans and events: all of them where somebody listens, none where nobody does, and the same result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from imagora.quiet import aimage_embedding, aquery_embedding, image_embedding, query_embedding, unwrapped
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.storage.kvstore import SimpleKVStore
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.span_handlers import NullSpanHandler


class Counting(MultiModalEmbedding):
    """Embeds by length."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(len(query))]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return [float(len(query))]

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(len(text))]

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        return [float(len(img_file_path.getvalue()))]

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return [float(len(img_file_path.getvalue()))]


class Hearing(NullSpanHandler):
    """Notes the spans that it hears of; a subclass of a null handler, as our tracer's is."""

    heard: list[str] = []  # noqa: RUF012 - a field of pydantic's

    def span_enter(self, id_: str, *_: Any, **__: Any) -> None:
        """Note one."""
        self.heard.append(id_.partition("-")[0])


@pytest.fixture
def hearing() -> Iterator[Hearing]:
    handler, root = Hearing(), get_dispatcher()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers = [known for known in root.span_handlers if known is not handler]


def all_four(embedder: Any) -> list[list[float]]:
    return [
        query_embedding(embedder, "abc"),
        asyncio.run(aquery_embedding(embedder, "abc")),
        image_embedding(embedder, BytesIO(b"ab")),
        asyncio.run(aimage_embedding(embedder, BytesIO(b"ab"))),
    ]


VECTORS = [[3.0], [3.0], [2.0], [2.0]]


def test_a_listener_hears_of_every_query(hearing: Hearing) -> None:
    assert all_four(Counting()) == VECTORS
    assert {"Counting.get_query_embedding", "Counting.aget_query_embedding"} <= set(hearing.heard)


def test_without_a_listener_llama_index_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("get_query_embedding", "aget_query_embedding", "get_image_embedding", "aget_image_embedding"):
        monkeypatch.setattr(MultiModalEmbedding, name, None)
    assert all_four(Counting()) == VECTORS


def test_a_callback_handler_is_a_listener() -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    embedder = Counting(callback_manager=CallbackManager([debug]))
    assert all_four(embedder) == VECTORS
    assert len(debug.get_event_pairs()) == len(VECTORS)


def test_what_llama_index_does_besides_is_not_left_out() -> None:
    kept = SimpleKVStore()
    assert query_embedding(Counting(embeddings_cache=kept), "abc") == [3.0]
    assert kept.get("abc", "embeddings")

    class Bucket(TokenBucketRateLimiter):
        taken: int = 0

        def acquire(self, *_: Any, **__: Any) -> None:
            self.taken += 1

    bucket = Bucket(requests_per_minute=10)
    query_embedding(Counting(rate_limiter=bucket), "abc")
    assert bucket.taken == 1


def test_an_embedder_that_is_not_llama_indexs_is_called_by_its_own_method() -> None:
    class Own:
        def get_query_embedding(self, words: str) -> list[float]:
            return [float(len(words))]

    assert query_embedding(Own(), "abc") == [3.0]


def test_an_unwrapped_method_makes_no_span_and_others_do(hearing: Hearing) -> None:
    class Finding(BaseRetriever):
        @unwrapped
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            return []

    assert Finding().retrieve("abc") == []
    assert hearing.heard == ["Finding.retrieve"]
