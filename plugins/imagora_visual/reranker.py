"""A LlamaIndex postprocessor that looks at the passages' stored picture vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
from imagora import Passage, Query
from imagora.quiet import image_embedding, query_embedding
from imagora.stages import Embedder, SparseVector, VectorIndex
from llama_index.core import instrumentation
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import PrivateAttr

from .likeness import Floats, blended, likeness, units
from .options import VisualOptions

NAME, LEG = "visual", "image"
dispatcher = instrumentation.get_dispatcher(__name__)  # type: ignore[attr-defined]  # is re-exported with a star


class VisualReranker(BaseNodePostprocessor):
    """Reorders passages by the likeness of their pictures to the query's words and pictures, and their old scores.

    Likeness is the cosine to the vector that the index has stored, at full precision. It is blended with the score that
    a passage came with, each brought to one scale over the passages. Passages with a picture vector are reordered among
    the places that they held; the others keep place and score. What comes in is not changed.
    """

    _options: VisualOptions = PrivateAttr()
    _embedders: Mapping[str, Embedder] = PrivateAttr()
    _index: VectorIndex = PrivateAttr()
    _lock: Any = PrivateAttr(default_factory=Lock)
    _is_open: bool = PrivateAttr(default=False)

    def __init__(self, options: VisualOptions, embedders: Mapping[str, Embedder], index: VectorIndex) -> None:
        super().__init__()
        self._options, self._embedders, self._index = options, embedders, index

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex's events carry."""
        return "VisualReranker"

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        # In a thread of its own: it embeds and asks the index, and both may wait.
        return await asyncio.to_thread(self._postprocess_nodes, nodes, query_bundle)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        keep = self._options.keep or len(nodes)
        if query_bundle is None or not nodes:
            return nodes[:keep]
        query = query_bundle if isinstance(query_bundle, Query) else Query(query_bundle.query_str)
        dispatcher.event(ReRankStartEvent(query=query.query_str, nodes=nodes, top_n=keep, model_name=NAME))
        stored = self._stored([node.node_id for node in nodes])
        places = [place for place, node in enumerate(nodes) if node.node_id in stored]
        ranked = list(nodes)
        if places:
            seen = self._seen(query, units([stored[nodes[place].node_id] for place in places]))
            scored = self._scored([nodes[place] for place in places], seen)
            for place, node in zip(places, scored, strict=True):
                ranked[place] = node
        kept = ranked[:keep]
        dispatcher.event(ReRankEndEvent(nodes=kept))
        return kept

    def _stored(self, ids: list[str]) -> dict[str, list[float]]:
        with self._lock:
            if not self._is_open:
                identities = {leg: embedder.identity() for leg, embedder in self._embedders.items()}
                self._index.open(identities, create=False)
                self._is_open = True
        found = self._index.vectors(list(dict.fromkeys(ids)), LEG)
        return {id_: list(vector) for id_, vector in found.items() if not isinstance(vector, SparseVector)}

    def _seen(self, query: Query, stored: Floats) -> dict[str, Floats]:
        """Give the likeness to the query's words and to its pictures, to whichever it has."""
        embedder: Any = self._embedders[LEG]
        unwanted = [query_embedding(embedder, query.negative)] if query.negative.strip() else []
        unwanted += [image_embedding(embedder, BytesIO(picture.png)) for picture in query.negative_pictures]
        seen: dict[str, Floats] = {}
        if query.query_str.strip():
            words = query_embedding(embedder, query.query_str)
            seen["words"] = likeness(stored, [words], unwanted, self._options.negative_weight)
        if query.pictures:
            pictures = [image_embedding(embedder, BytesIO(picture.png)) for picture in query.pictures]
            seen["pictures"] = likeness(stored, pictures, unwanted, self._options.negative_weight)
        return seen

    def _scored(self, nodes: list[NodeWithScore], seen: Mapping[str, Floats]) -> list[NodeWithScore]:
        options = self._options
        came = np.array([np.nan if node.score is None else node.score for node in nodes], dtype=np.float64)
        of_words = (options.words if len(seen) > 1 else 1.0) if "words" in seen else 0.0
        shares = {"words": of_words, "pictures": 1 - of_words}
        visual = [(options.weight * shares[what], numbers) for what, numbers in seen.items()]
        scores = blended([*visual, (1 - options.weight, came)])
        made = []
        for place, node in enumerate(nodes):
            changes: dict[str, Any] = {"score": float(scores[place])}
            if isinstance(node, Passage):
                parts = {f"{NAME}/{what}": float(numbers[place]) for what, numbers in seen.items()}
                changes["scores"] = {**node.scores, **parts, NAME: changes["score"]}
            made.append(node.model_copy(update=changes))
        order = sorted(range(len(made)), key=lambda place: (-scores[place], place))
        return [made[place] for place in order]
