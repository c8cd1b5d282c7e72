"""The contract of embedders: dense ones for words, for pictures and words, and sparse ones."""

from __future__ import annotations

import asyncio
import math
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora_batching.options import GATHERED, Batching, suited

from imagora.stages import PictureEmbedder, SparseEmbedder, SparseVector, TextEmbedder

from .built import Built
from .cancelling import cancelled
from .golden import NEAR, ODD, PICTURES, need

TEXTS = ["two dogs run over the wet grass", "Straße, 東京, 🦊", "the invoice is due on Monday", *PICTURES]
ODD_TEXTS = ["", " ", "\x00", "?!", "words " * 10_000, "x" * 50_000]
ALIKE = {"a puppy plays in the meadow": 0, "a bill that has to be paid at the start of the week": 1}


class EmbedderContract(Built):
    """Name the `component`, or give the fixture `stage`: a new embedder.

    sparse: it is a SparseEmbedder. pictures: it is a PictureEmbedder. meaning: texts that mean alike are near without a
    word in common. meets: words are nearest to their picture, for a share `least_met` of the fixture `pairs`.
    tolerance: how far a number of a vector may be off in another batch. pickles: it can be sent to another process.
    """

    kind = "embedder"
    sparse = pictures = meaning = meets = pickles = False
    least_met, tolerance = 0.5, 1e-4

    @pytest.fixture
    def pairs(self) -> list[tuple[str, bytes]]:
        return list(PICTURES.items())

    def same(self, ones: Sequence[Any], others: Sequence[Any]) -> bool:
        both = zip(ones, others, strict=True)
        return all(_plain(one) == pytest.approx(_plain(other), abs=self.tolerance) for one, other in both)

    def texts(self, stage: Any, *texts: str) -> list[Any]:
        return list(stage.embed_texts(texts) if self.sparse else stage.get_text_embedding_batch(list(texts)))

    def query(self, stage: Any, text: str) -> Any:
        return stage.embed_query(text) if self.sparse else asyncio.run(stage.aget_query_embedding(text))

    def images(self, stage: Any, pictures: Sequence[bytes]) -> list[Any]:
        return list(stage.get_image_embedding_batch([BytesIO(picture) for picture in pictures]))

    def check(self, stage: Any, vector: Any, *, unit: bool = True) -> None:
        identity, values = stage.identity(), list(_plain(vector).values())
        assert all(isinstance(value, float) and math.isfinite(value) for value in values)
        if self.sparse:
            assert list(vector.indices) == sorted(set(vector.indices)), "indices are sorted and unique"
        else:
            assert len(vector) == identity.dimension
            if unit and identity.metric == "cosine":
                assert math.hypot(*values) == pytest.approx(1.0, abs=1e-3), "vectors for cosine have length 1"

    def test_it_knows_its_identity(self, stage: Any) -> None:
        assert isinstance(stage, SparseEmbedder if self.sparse else PictureEmbedder if self.pictures else TextEmbedder)
        identity = stage.identity()
        assert identity == stage.identity() and identity.embedder and identity.weights and identity.preprocessing
        assert (identity.metric == "bm25") == self.sparse == (identity.dimension == 0)

    def test_what_it_says_of_batching_can_be(self, stage: Any) -> None:
        for what in GATHERED:
            suited(stage, what, Batching())

    def test_a_batch_gives_in_order_what_single_texts_give(self, stage: Any) -> None:
        single = [self.texts(stage, text)[0] for text in TEXTS]
        assert not any(self.same(single[:1], [other]) for other in single[1:])
        assert self.same(self.texts(stage, *TEXTS[::-1] * 8), single[::-1] * 8)
        assert self.texts(stage) == [], "no texts give no vectors"
        for vector in single:
            self.check(stage, vector)

    def test_a_query_is_nearest_to_the_text_with_its_words(self, stage: Any) -> None:
        self.check(stage, query := self.query(stage, TEXTS[0]))
        assert _nearest(query, self.texts(stage, *TEXTS)) == 0
        again = [self.query(stage, TEXTS[0])]
        again += [stage.get_query_embedding(TEXTS[0])] if hasattr(stage, "get_query_embedding") else []
        assert self.same(again, [query] * len(again)), "each time the same, async or not"

    @pytest.mark.parametrize("text", ODD_TEXTS, ids=["empty", "blank", "nul", "marks", "10,000 words", "long word"])
    def test_odd_texts_are_embedded(self, stage: Any, text: str) -> None:
        for vector in (*self.texts(stage, text), self.query(stage, text)):
            self.check(stage, vector, unit=False)

    def test_threads_get_what_one_caller_gets(self, stage: Any) -> None:
        with ThreadPoolExecutor(8) as threads:  # this is the first use too: weights are loaded under it
            together = list(threads.map(lambda text: self.texts(stage, text)[0], TEXTS * 2))
        assert self.same(together, [self.texts(stage, text)[0] for text in TEXTS * 2])

    def test_batches_in_a_loop_give_what_those_outside_of_one_give(self, stage: Any) -> None:
        if not hasattr(stage, "aget_text_embedding_batch"):
            pytest.skip("it has no aget_text_embedding_batch")
        assert self.same(asyncio.run(stage.aget_text_embedding_batch(list(TEXTS))), self.texts(stage, *TEXTS))

    def test_a_query_that_is_cancelled_ends_and_harms_no_other(self, stage: Any) -> None:
        if self.sparse:
            pytest.skip("it embeds queries at once")

        async def ask() -> Any:
            await cancelled(lambda: stage.aget_query_embedding(TEXTS[0]))
            return await stage.aget_query_embedding(TEXTS[0])

        before = self.query(stage, TEXTS[0])
        assert self.same([asyncio.run(ask())], [before])

    def test_a_pickled_one_embeds_alike(self, stage: Any) -> None:
        need(self, "pickles")
        there = pickle.loads(pickle.dumps(stage))  # noqa: S301 - it is what we wrote
        assert there.identity() == stage.identity()
        assert self.same(self.texts(there, *TEXTS), self.texts(stage, *TEXTS))

    def test_texts_that_mean_alike_are_near(self, stage: Any) -> None:
        need(self, "meaning")
        vectors = self.texts(stage, TEXTS[0], TEXTS[2], *PICTURES)
        assert {text: _nearest(self.query(stage, text), vectors) for text in ALIKE} == ALIKE

    def test_pictures_give_the_same_vectors_by_every_way(self, stage: Any, tmp_path: Path) -> None:
        need(self, "pictures")
        single = [self.images(stage, [picture])[0] for picture in PICTURES.values()]
        assert self.same(self.images(stage, list(PICTURES.values())[::-1] * 5), single[::-1] * 5)
        assert self.images(stage, []) == []
        for vector, picture in zip(single, PICTURES.values(), strict=True):
            (path := tmp_path / "picture.png").write_bytes(picture)
            ways = [asyncio.run(stage.aget_image_embedding(source)) for source in (str(path), BytesIO(picture))]
            assert self.same(ways, [vector] * 2)

    @pytest.mark.parametrize("name", ODD)
    def test_odd_pictures_are_embedded(self, stage: Any, name: str) -> None:
        need(self, "pictures")
        self.check(stage, self.images(stage, [ODD[name]])[0])

    def test_a_picture_is_nearest_to_its_own_copy(self, stage: Any) -> None:
        need(self, "pictures")
        vectors = self.images(stage, list(PICTURES.values()))
        assert [_nearest(copy, vectors) for copy in self.images(stage, NEAR)] == list(range(8))

    def test_words_and_their_picture_meet(self, stage: Any, pairs: list[tuple[str, bytes]]) -> None:
        need(self, "meets")
        vectors = self.images(stage, [picture for _, picture in pairs])
        met = [_nearest(self.query(stage, words), vectors) == number for number, (words, _) in enumerate(pairs)]
        assert sum(met) >= self.least_met * len(met)


def _plain(vector: Any) -> dict[int, float]:
    sparse = isinstance(vector, SparseVector)
    return dict(zip(vector.indices, vector.values, strict=True) if sparse else enumerate(vector))


def _nearest(vector: Any, others: Sequence[Any]) -> int:
    one, there = _plain(vector), [_plain(other) for other in others]
    scores = [math.fsum(value * other.get(place, 0.0) for place, value in one.items()) for other in there]
    return scores.index(max(scores))
