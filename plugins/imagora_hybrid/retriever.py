"""A LlamaIndex retriever over the recipe's embedders and index: embed what the query has, search once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from imagora import Picture, Query
from imagora.errors import QueryError
from imagora.filters import Filter
from imagora.passages import passage_of
from imagora.stages import Embedder, Hit, Index, LocalIndex, SearchRequest
from llama_index.core.base import base_retriever
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import Dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler
from llama_index_instrumentation.span_handlers import NullSpanHandler

from .leg_queries import PICTURE_LEG, Wanted, wanted
from .options import HybridOptions
from .standardised import standardised

_FEWEST_CANDIDATES = 50
_MORE = 10


class HybridRetriever(BaseRetriever):
    """Finds passages for an `imagora.Query` (words, pictures or both, a filter, top_k) or for any QueryBundle.

    weights: by leg, the legs that are searched. The index is opened by the first search, for all the recipe's legs.
    """

    def __init__(
        self,
        options: HybridOptions,
        weights: Mapping[str, float],
        embedders: Mapping[str, Embedder],
        index: Index,
        recipe: str,
    ) -> None:
        self._options, self._weights, self._embedders = options, weights, embedders
        self._index, self._recipe = index, recipe
        self._local = index if isinstance(index, LocalIndex) else None
        self._lock = threading.Lock()
        self._is_open = False
        super().__init__()

    async def aretrieve(self, str_or_query_bundle: QueryType) -> list[NodeWithScore]:
        """Find passages; LlamaIndex's spans and events are made where something listens to them, which costs 0.5 ms."""
        if _somebody_listens() or self.callback_manager.handlers or isinstance(str_or_query_bundle, str):
            found: list[NodeWithScore] = await super().aretrieve(str_or_query_bundle)
            return found
        return await self._aretrieve(str_or_query_bundle)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        words, pictures, condition, top_k = _parts(query_bundle)
        if pictures and not words and PICTURE_LEG not in self._weights:
            raise QueryError(
                f"a picture alone finds nothing, for the recipe '{self._recipe}' searches no picture leg; ask in "
                "words, or add an embedder for 'image'"
            )
        if not self._is_open:
            await asyncio.to_thread(self._open)
        limit = top_k or self._options.top_k
        candidates = self._options.candidates or max(_FEWEST_CANDIDATES, 2 * limit)
        candidates, fusion, rrf_k = max(candidates, limit), self._options.fusion, self._options.rrf_k
        hits = limit
        if fusion == "standardised":
            # The index only picks the hits, some more than are wanted. With a k of 1 the first of a leg is among them,
            # however many others are on several legs.
            fusion, rrf_k, hits = "rrf", 1, limit + max(_MORE, limit // 2)
        request = SearchRequest((), hits, max(candidates, hits), fusion, rrf_k, condition)
        to_embed = wanted(words, pictures, self._weights, self._embedders)
        if self._local is not None:
            # One thread for all of it: every switch from the event loop to a thread and back costs a query time.
            return await asyncio.to_thread(self._find, self._local, to_embed, request, limit)
        request = replace(request, legs=await to_embed.later())
        return self._passages(await self._index.asearch(request), request, limit)

    def _find(self, index: LocalIndex, to_embed: Wanted, request: SearchRequest, limit: int) -> list[NodeWithScore]:
        request = replace(request, legs=to_embed.now())
        return self._passages(index.search(request), request, limit)

    def _passages(self, hits: list[Hit], request: SearchRequest, limit: int) -> list[NodeWithScore]:
        if self._options.fusion == "standardised":
            hits = standardised(hits, request.legs, limit)
        return [passage_of(hit) for hit in hits]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._aretrieve(query_bundle))
        with ThreadPoolExecutor(1) as pool:  # this thread's loop is the caller's
            return pool.submit(asyncio.run, self._aretrieve(query_bundle)).result()

    def _open(self) -> None:
        with self._lock:
            if not self._is_open:
                identities = {leg: embedder.identity() for leg, embedder in self._embedders.items()}
                self._index.open(identities, create=False)
                self._is_open = True


def _somebody_listens() -> bool:
    """Whether a tracer or another handler hears of retrievals, on LlamaIndex's dispatcher or one above it."""
    dispatcher: Dispatcher | None = get_dispatcher(base_retriever.__name__)
    while dispatcher is not None:
        listening = (*dispatcher.span_handlers, *dispatcher.event_handlers)
        if any(not isinstance(handler, NullSpanHandler | NullEventHandler) for handler in listening):
            return True
        dispatcher = dispatcher.parent if dispatcher.propagate and dispatcher.name != "root" else None
    return False


def _parts(query: QueryBundle) -> tuple[str, Sequence[Picture], Filter | None, int | None]:
    """Give a query's words, pictures, filter and number of passages; a plain QueryBundle has words alone."""
    words = query.query_str if query.query_str.strip() else ""
    if isinstance(query, Query):
        return words, query.pictures, query.filter, query.top_k
    if not words:
        raise QueryError("a query needs words or a picture, and this one has neither")
    return words, (), None, None
