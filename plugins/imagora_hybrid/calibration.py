"""What an index's scores are like by chance, learned from a sample of its own entries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from weakref import WeakKeyDictionary

import numpy as np
from imagora.passages import passage_of
from imagora.scoped import within
from imagora.stages import Embedder, LegQuery, SearchRequest, SparseEmbedder, SparseVector, Vector, VectorIndex
from numpy.typing import NDArray

from .leg_queries import PICTURE_LEG, Kind, ToEmbed
from .scale import Scale, scale_of

_ENTRIES = 160
_PROBES = 40
_FEW_PROBES = 12
_SPARSE_HITS = 64
_SECONDS_BETWEEN_LOOKS = 60
_NOUNS = (
    *(
        "dog",
        "bird",
        "flower",
        "tree",
        "house",
        "car",
        "boat",
        "chair",
        "shirt",
        "shoe",
        "bag",
        "cup",
        "bread",
        "apple",
    ),
    *("a person who laughs", "a small table", "an old book", "red ball", "mountains and a lake", "street at night"),
)
"""Asked with where an index has too few words of its own."""


@dataclass(frozen=True)
class _Known:
    place: str
    count: int
    looked: float
    scales: Mapping[Kind, Scale]


class Calibration:
    """The scales of an index, learned at the first query, and anew for another generation or twice as many entries.

    They are kept in memory: learning is some dozens of short texts to embed and of searches, and no file to go stale.
    """

    def __init__(self, index: VectorIndex, embedders: Mapping[str, Embedder]) -> None:
        self._index, self._embedders = index, embedders
        self._known: _Known | None = None
        self._learning: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Mapping[Kind, Scale]]]
        self._learning = WeakKeyDictionary()

    async def scales(self) -> Mapping[Kind, Scale]:
        """Give what was learned; queries that come while it is being learned wait for it together."""
        if (known := self._known) is not None and await self._still_holds(known):
            return known.scales
        loop = asyncio.get_running_loop()
        if (task := self._learning.get(loop)) is None:
            with within(None):  # the first query's filter says nothing of the index
                task = self._learning[loop] = loop.create_task(self._learn())
            task.add_done_callback(lambda _: self._learning.pop(loop, None))
        return await asyncio.shield(task)  # one query that is cancelled leaves the others theirs

    async def _still_holds(self, known: _Known) -> bool:
        if known.place != self._index.place:
            return False
        if time.monotonic() - known.looked < _SECONDS_BETWEEN_LOOKS:
            return True
        count = await asyncio.to_thread(self._index.count)
        if not known.count / 2 < count < 2 * known.count:
            return False
        self._known = _Known(known.place, known.count, time.monotonic(), known.scales)
        return True

    async def _learn(self) -> Mapping[Kind, Scale]:
        place, count = self._index.place, await asyncio.to_thread(self._index.count)
        # Names are version 5 UUIDs, and indexes give them in their order: the first are a sample drawn by chance.
        ids = await asyncio.to_thread(lambda: list(islice(self._index.ids(), _ENTRIES)))
        there = {leg: await asyncio.to_thread(self._index.vectors, ids, leg) for leg in self._embedders}
        probes = await self._probes(there)
        scales: dict[Kind, Scale | None] = {}
        if PICTURE_LEG in there:
            scales["picture", PICTURE_LEG] = scale_of(_pairs(*self._matrix(PICTURE_LEG, there[PICTURE_LEG])))
        for leg, embedder in self._embedders.items():
            to_embed = [ToEmbed(embedder, words) for _, words in probes]
            asked = await asyncio.to_thread(lambda those: [each.now() for each in those], to_embed)
            if isinstance(embedder, SparseEmbedder):
                with_words = count * len(there[leg]) / max(1, len(ids))
                scales["words", leg] = await self._sparse(leg, asked, probes, with_words)
            else:
                scales["words", leg] = scale_of(self._dense(leg, asked, probes, there[leg]))
        learned = {kind: scale for kind, scale in scales.items() if scale is not None}
        if learned:
            self._known = _Known(place, count, time.monotonic(), learned)
        return learned

    async def _probes(self, there: Mapping[str, Mapping[str, Vector]]) -> list[tuple[str, str]]:
        """Give words to ask with, those of sampled entries with their names, each once."""
        found: dict[str, str] = {}
        for leg, vectors in there.items():
            for vector in list(vectors.values())[:_PROBES] if len(found) < _PROBES else ():
                query = LegQuery(leg, leg, vector)
                for hit in await self._index.asearch(SearchRequest((query,), 1, 1)):
                    passage = passage_of(hit)
                    words = str(passage.node.metadata.get("title") or passage.node.get_content()).strip()
                    if words:
                        found.setdefault(words, hit.id)
        probes = [(id_, words) for words, id_ in islice(found.items(), _PROBES)]
        return probes if len(probes) >= _FEW_PROBES else [*probes, *(("", noun) for noun in _NOUNS)]

    def _matrix(self, leg: str, vectors: Mapping[str, Vector]) -> tuple[list[str], NDArray[np.float64]]:
        matrix = np.array([vector for vector in vectors.values() if not isinstance(vector, SparseVector)], dtype=float)
        return list(vectors), self._scaled(leg, matrix)

    def _scaled(self, leg: str, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        if not matrix.size or self._embedders[leg].identity().metric != "cosine":
            return matrix
        return np.asarray(matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12))

    def _dense(
        self, leg: str, asked: Sequence[Vector], probes: Sequence[tuple[str, str]], vectors: Mapping[str, Vector]
    ) -> list[float]:
        ids, stored = self._matrix(leg, vectors)
        if not ids:
            return []
        scores = self._scaled(leg, np.array(asked, dtype=float)) @ stored.T
        others = np.array([[own != id_ for id_ in ids] for own, _ in probes])
        found: list[float] = scores[others].tolist()
        return found

    async def _sparse(
        self, leg: str, asked: Sequence[Vector], probes: Sequence[tuple[str, str]], with_words: float
    ) -> Scale | None:
        scores: list[float] = []
        for vector, (own, _) in zip(asked, probes, strict=True):
            request = SearchRequest((LegQuery(leg, leg, vector),), _SPARSE_HITS, _SPARSE_HITS)
            hits = await self._index.asearch(request)
            scores += [hit.scores[leg] for hit in hits if hit.id != own and hit.scores.get(leg, 0.0) > 0]
        return scale_of(scores, len(asked) * with_words)


def _pairs(ids: Sequence[str], matrix: NDArray[np.float64]) -> list[float]:
    """Give the scores of all pairs of different entries, each once."""
    scores: list[float] = (matrix @ matrix.T)[np.triu_indices(len(ids), 1)].tolist() if ids else []
    return scores
