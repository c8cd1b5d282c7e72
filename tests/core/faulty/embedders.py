"""Faulty embedders: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from imagora import testing as t
from imagora.stages import SparseVector
from PIL import Image
from toy_embedders import ToyColour, ToyWords

from faulty.making import later, method, stage


def _noisy(vector: list[float], *_: Any) -> list[float]:
    return [value + random.uniform(-0.01, 0.01) for value in vector]


def _colour(name: str, change: Any) -> Any:
    return stage(method(ToyColour, name, change))


class FaultyIdentity(t.EmbedderContract):
    """It has another identity each time it is asked."""

    fails = "test_it_knows_its_identity"
    stage = _colour("identity", lambda identity: replace(identity, weights=str(random.random())))


class FaultyDimension(t.EmbedderContract):
    """It says another dimension than its vectors have."""

    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("identity", lambda identity: replace(identity, dimension=5))


class FaultyLength(t.EmbedderContract):
    """Vectors for cosine have length 2."""

    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("_get_text_embedding", lambda vector, text: [2 * value for value in vector])


class FaultyMistypedBatching(t.EmbedderContract):
    """It says that a mistyped kind of batching suits it."""

    error = "imagora.errors.PluginError"
    fails = "test_what_it_says_of_batching_can_be"

    class Mistyped(ToyColour):
        usual_batching: ClassVar[Any] = {"word": {"most": 8}}

    stage = stage(Mistyped)


class FaultyBatch(t.EmbedderContract):
    """A batch comes back in another order."""

    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("get_text_embedding_batch", lambda vectors, texts: vectors[::-1])


class FaultyQuery(t.EmbedderContract):
    """The same query has another vector each time."""

    fails = "test_a_query_is_nearest_to_the_text_with_its_words"
    stage = stage(later(ToyColour, "_aget_query_embedding", _noisy))


class FaultyLongText(t.EmbedderContract):
    """The vector of an over-long text is cut off."""

    fails = "test_odd_texts_are_embedded"
    stage = _colour("_get_text_embedding", lambda vector, text: vector if len(text) < 40_000 else vector[:5])


class FaultyEmptyText(t.EmbedderContract):
    """The vector of an empty text is not a number."""

    fails = "test_odd_texts_are_embedded"
    stage = _colour("_get_text_embedding", lambda vector, text: vector if text else [float("nan")] * len(vector))


class Shared(ToyColour):
    """Keeps the text of the call in the object, where other threads change it."""

    held: str = ""

    def _get_text_embedding(self, text: str) -> list[float]:
        self.held = text
        time.sleep(0.001)
        return super()._get_text_embedding(self.held)


class FaultyThreads(t.EmbedderContract):
    """It keeps the text it is at in the object, where another thread changes it."""

    fails = "test_threads_get_what_one_caller_gets"
    stage = stage(Shared)


class FaultyMeaning(t.EmbedderContract):
    """Texts that mean alike and share no word are far apart."""

    meaning = True
    fails = "test_texts_that_mean_alike_are_near"
    stage = stage(ToyColour)


class FaultyPictureBatch(t.EmbedderContract):
    """A batch of pictures comes back sorted."""

    pictures = True
    fails = "test_pictures_give_the_same_vectors_by_every_way"
    stage = _colour("get_image_embedding_batch", lambda vectors, files: sorted(vectors))


class FaultyOddPicture(t.EmbedderContract):
    """A very wide picture has a vector of zeros."""

    pictures = True
    fails = "test_odd_pictures_are_embedded"
    stage = _colour("_get_image_embedding", lambda vector, file: vector if _width(file) < 1000 else [0.0] * len(vector))


def _width(file: Any) -> int:
    with Image.open(file) as picture:
        return picture.width


class FaultyCopies(t.EmbedderContract):
    """A smaller copy of a picture is nowhere near it."""

    pictures = True
    fails = "test_a_picture_is_nearest_to_its_own_copy"
    stage = _colour("_get_image_embedding", lambda vector, file: vector if _width(file) > 150 else vector[::-1])


class FaultyMeeting(t.EmbedderContract):
    """Pictures and words do not lie in one space."""

    pictures = meets = True
    fails = "test_words_and_their_picture_meet"
    stage = _colour("_get_image_embedding", lambda vector, file: vector[::-1])


def _turned(vectors: list[SparseVector], texts: list[str]) -> list[SparseVector]:
    return [SparseVector(vector.indices[::-1], vector.values[::-1]) for vector in vectors]


class FaultySparse(t.EmbedderContract):
    """The places of a sparse vector are not sorted."""

    sparse = True
    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = stage(method(ToyWords, "embed_texts", _turned))


class FaultyRaisingAtLongText(t.EmbedderContract):
    """An over-long text is an error of the model instead of being cut."""

    real = "CLIP's 77 tokens, LlamaIndex #16937"
    error = "RuntimeError"
    fails = "test_odd_texts_are_embedded"

    class Short(ToyColour):
        def _get_text_embedding(self, text: str) -> list[float]:
            if len(text.split()) > 77:
                raise RuntimeError("the size of tensor a must match the size of tensor b")
            return super()._get_text_embedding(text)

    stage = stage(Short)


class FaultyPictureCache(t.EmbedderContract):
    """Vectors are kept by the picture's file name, not by its bytes."""

    real = "LlamaIndex #23002"
    pictures = True
    fails = "test_pictures_give_the_same_vectors_by_every_way"

    class Keeping(ToyColour):
        kept: ClassVar[dict[str, list[float]]] = {}

        def _get_image_embedding(self, file: Any) -> list[float]:
            name = Path(file).name if isinstance(file, str) else repr(file)
            return self.kept.setdefault(name, super()._get_image_embedding(file))

    stage = stage(Keeping)


class FaultyLoop(t.EmbedderContract):
    """Batches in a loop lack the prefix that those outside of it have."""

    fails = "test_batches_in_a_loop_give_what_those_outside_of_one_give"

    class Prefixed(ToyColour):
        async def aget_text_embedding_batch(self, texts: list[str], **_: Any) -> list[list[float]]:
            return [self._get_text_embedding(f"passage red {text}") for text in texts]

    stage = stage(Prefixed)


class FaultyPatience(t.EmbedderContract):
    """A query that is cancelled goes on all the same."""

    fails = "test_a_query_that_is_cancelled_ends_and_harms_no_other"

    class Stubborn(ToyColour):
        async def _aget_query_embedding(self, query: str) -> list[float]:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            return self._get_text_embedding(query)

    stage = stage(Stubborn)


class FaultyPickle(t.EmbedderContract):
    """In another process it has other weights."""

    pickles = True
    fails = "test_a_pickled_one_embeds_alike"

    class Fresh(ToyColour):
        def __reduce__(self) -> Any:
            return ToyColour, ()

    stage = stage(lambda: FaultyPickle.Fresh(weights="2"))
