"""A LlamaIndex retriever over the recipe's embedders and index: embed what the query has, search once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from imagora import Query
from imagora.errors import QueryError, did_you_mean
from imagora.filters import Filter
from imagora.passages import passage_of
from imagora.quiet import somebody_listens, unwrapped
from imagora.stages import Embedder, Hit, Index, LocalIndex, SearchRequest, SparseEmbedder, VectorIndex
from imagora.threads import in_thread, nearby
from llama_index.core.base import base_retriever
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType

from .calibration import Calibration
from .leg_queries import PICTURE_LEG, Kind, Wanted, wanted
from .options import HybridOptions
from .scale import Scale, calibrated
from .standardised import standardised
from .variety import varied

_FEWEST_CANDIDATES = 50
_MORE = 10
_POOL = 3
_INSIDE: dict[str, Literal["rrf", "dbsf", "weighted"]] = {"rrf": "rrf", "dbsf": "dbsf", "weighted": "weighted"}
"""The fusions that the index does itself."""


class HybridRetriever(BaseRetriever):
    """Finds passages for an `imagora.Query` (words, pictures or both, a filter, top_k) or for any QueryBundle.

    weights: by leg, the legs that are searched. The index is opened by the first search, for all the recipe's legs.
    """

    fresh = True
    """Its passages are new at every call, and none is there twice."""

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
        self._calibration: Calibration | None = None
        if options.fusion == "calibrated" and isinstance(index, VectorIndex):
            self._calibration = Calibration(index, embedders)
        quick = all(getattr(embedder, "quick", False) for embedder in embedders.values())
        self._do = nearby if quick else in_thread
        self._lock = threading.Lock()
        self._is_open = False
        super().__init__()

    @unwrapped
    async def aretrieve(self, str_or_query_bundle: QueryType) -> list[NodeWithScore]:
        """Find passages; LlamaIndex's spans and events are made where something listens to them."""
        if isinstance(str_or_query_bundle, str) or somebody_listens(self, base_retriever.__name__):
            found: list[NodeWithScore] = await super().aretrieve(str_or_query_bundle)
            return found
        return await self._aretrieve(str_or_query_bundle)

    @unwrapped  # LlamaIndex has this within `aretrieve`
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle if isinstance(query_bundle, Query) else Query(query_bundle.query_str)
        weights = self._weights_for(query)
        if not self._is_open:
            await asyncio.to_thread(self._open)
        options = self._options
        scales = await self._calibration.scales() if self._calibration is not None else {}
        limit = query.top_k or options.top_k
        request = self._request(limit, query.filter)
        to_embed = wanted(query, weights, self._embedders, options)
        order = partial(self._ordered, kinds=to_embed.kinds(), scales=scales, limit=limit)
        if self._local is not None:
            # One thread for all of it: every switch from the event loop to a thread and back costs a query time.
            return await self._do(self._find, self._local, to_embed, request, order)
        request = replace(request, legs=await to_embed.later())
        hits = await self._index.asearch(request)
        # Stored vectors are asked for in the calling thread, which must not be the event loop's.
        hits = await asyncio.to_thread(order, hits, request) if options.variety else order(hits, request)
        return [passage_of(hit) for hit in hits]

    def _weights_for(self, query: Query) -> Mapping[str, float]:
        """Give the legs to search, by weight: the recipe's, and before them the query's own."""
        if unknown := [leg for leg in query.weights if leg not in self._embedders]:
            raise QueryError(
                f"there is no leg '{unknown[0]}' to give a weight to{did_you_mean(unknown[0], self._embedders)}"
            )
        weights = self._weights
        if query.weights:
            weights = {leg: weight for leg, weight in {**weights, **query.weights}.items() if weight > 0}
        if not weights:
            raise QueryError("every weight of the query is 0, so that nothing would be searched")
        if PICTURE_LEG in weights:
            return weights
        said = self._options.picture_words and any(query.picture_words)
        if query.pictures and not query.query_str.strip() and not said:
            raise QueryError(
                f"a picture alone finds nothing, for the recipe '{self._recipe}' searches no picture leg; ask in "
                "words, or add an embedder for 'image'"
            )
        if query.negative_pictures:
            raise QueryError(
                f"a picture to move away from does nothing, for the recipe '{self._recipe}' searches no picture leg; "
                "say in words what you do not want, or add an embedder for 'image'"
            )
        return weights

    def _request(self, limit: int, condition: Filter | None) -> SearchRequest:
        options = self._options
        candidates = max(options.candidates or max(_FEWEST_CANDIDATES, 2 * limit), limit)
        fusion, rrf_k, hits = _INSIDE.get(options.fusion, "rrf"), options.rrf_k, limit
        if options.fusion not in _INSIDE:
            # The index only picks the hits, some more than are wanted. With a k of 1 the first of a leg is among them,
            # however many others are on several legs.
            rrf_k, hits = 1, limit + max(_MORE, limit // 2)
        if options.variety:
            hits = max(hits, _POOL * limit)
        return SearchRequest((), hits, max(candidates, hits), fusion, rrf_k, condition)

    def _find(
        self, index: LocalIndex, to_embed: Wanted, request: SearchRequest, order: Callable[..., list[Hit]]
    ) -> list[NodeWithScore]:
        request = replace(request, legs=to_embed.now())
        return [passage_of(hit) for hit in order(index.search(request), request)]

    def _ordered(
        self,
        hits: list[Hit],
        request: SearchRequest,
        *,
        kinds: Mapping[str, Kind],
        scales: Mapping[Kind, Scale],
        limit: int,
    ) -> list[Hit]:
        """Give the hits in their final order; those that only the negative part found are none."""
        options, legs = self._options, request.legs
        unwanted = {leg.name for leg in legs if leg.weight < 0}
        hits = [hit for hit in hits if not unwanted or hit.scores.keys() - unwanted]
        pool = len(hits) if options.variety else limit
        if options.fusion == "calibrated" and all(kind in scales for kind in kinds.values()):
            hits = calibrated(hits, legs, kinds, scales, pool)
        elif options.fusion in ("standardised", "calibrated"):
            hits = standardised(hits, legs, pool)
        if not options.variety:
            return hits[:limit]
        ids, searched = [hit.id for hit in hits], dict.fromkeys(leg.leg for leg in legs)
        dense = [leg for leg in searched if not isinstance(self._embedders[leg], SparseEmbedder)]
        index: Any = self._index  # `build` looked that it gives vectors back
        return varied(hits, [index.vectors(ids, leg) for leg in dense], options.variety, limit)

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
