"""A LlamaIndex retriever over the recipe's embedders and index: embed what the query has, search once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from imagora import Picture, Query
from imagora.errors import QueryError
from imagora.filters import Filter
from imagora.passages import passage_of
from imagora.stages import Embedder, Index, SearchRequest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from .leg_queries import PICTURE_LEG, leg_queries
from .options import HybridOptions
from .standardised import standardised

_FEWEST_CANDIDATES = 50


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
        self._lock = threading.Lock()
        self._is_open = False
        super().__init__()

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        words, pictures, wanted, top_k = _parts(query_bundle)
        if pictures and not words and PICTURE_LEG not in self._weights:
            raise QueryError(
                f"a picture alone finds nothing, for the recipe '{self._recipe}' searches no picture leg; ask in "
                "words, or add an embedder for 'image'"
            )
        if not self._is_open:
            await asyncio.to_thread(self._open)
        legs = await leg_queries(words, pictures, self._weights, self._embedders)
        limit = top_k or self._options.top_k
        candidates = self._options.candidates or max(_FEWEST_CANDIDATES, 2 * limit)
        fusion, candidates = self._options.fusion, max(candidates, limit)
        request = SearchRequest(
            legs=legs,
            limit=candidates if fusion == "standardised" else limit,
            candidates=candidates,
            fusion="rrf" if fusion == "standardised" else fusion,
            rrf_k=self._options.rrf_k,
            filter=wanted,
        )
        hits = await self._index.asearch(request)
        if fusion == "standardised":
            hits = standardised(hits, legs)[:limit]
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


def _parts(query: QueryBundle) -> tuple[str, Sequence[Picture], Filter | None, int | None]:
    """Give a query's words, pictures, filter and number of passages; a plain QueryBundle has words alone."""
    words = query.query_str if query.query_str.strip() else ""
    if isinstance(query, Query):
        return words, query.pictures, query.filter, query.top_k
    if not words:
        raise QueryError("a query needs words or a picture, and this one has neither")
    return words, (), None, None
