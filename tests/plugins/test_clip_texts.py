"""What the CLIP plugin does with texts that are longer than the model reads."""

import asyncio
from pathlib import Path

import numpy as np
import open_clip
import pytest
from imagora.errors import QueryError, StageError
from imagora.stages import CuttingEmbedder
from imagora_clip.embedding import ClipEmbedding
from imagora_clip.options import ClipOptions
from imagora_clip.texts import Tokens, parts

from .open_clip_folder import CONTEXT, clip_folder, student  # noqa: F401 - fixtures

# ruff: noqa: F811 - a fixture is imported and then named as an argument

WORDS = ["cat", "dog", "house", "tree", "river", "stone", "cloud", "lamp", "bread", "chair"]
LONG = " ".join(WORDS[number % 10] for number in range(150))
FITS = " ".join(WORDS[number % 10] for number in range(CONTEXT - 2))  # a word is a token here, and two are marks


@pytest.fixture(scope="module")
def clip_tokens() -> Tokens:
    return Tokens(open_clip.get_tokenizer("ViT-B-32"))  # CLIP's own vocabulary comes with open_clip


def embedder(folder: Path, loaded: ClipEmbedding, **options: str) -> ClipEmbedding:
    """An embedder with other options on the same loaded model."""
    made = ClipEmbedding(ClipOptions(model=str(folder), **options))
    made._towers = loaded._loaded()
    return made


def test_the_edge_is_where_the_tokenizer_says(student: ClipEmbedding) -> None:
    tokens = student._loaded().clip.tokens
    assert tokens.too_long([FITS, f"{FITS} lamp", "", "lamp"]) == [False, True, False, False]


def test_clips_own_tokenizer_has_its_edge_at_77_tokens(clip_tokens: Tokens) -> None:
    fits = " ".join(["cat"] * 75)
    assert clip_tokens.context_length == 77
    assert clip_tokens.too_long([fits, f"{fits} cat", "", "!!!!"]) == [False, True, False, False]


def test_a_word_without_an_end_is_split_as_well(clip_tokens: Tokens) -> None:
    endless = "x" * 20_000
    pieces = parts(endless, clip_tokens.too_long)
    assert "".join(pieces) == endless
    assert not any(clip_tokens.too_long(pieces))


def test_parts_hold_every_word_once_and_in_order(student: ClipEmbedding) -> None:
    too_long = student._loaded().clip.tokens.too_long
    pieces = parts(LONG, too_long)
    assert " ".join(pieces) == LONG
    assert len(pieces) > 1 and not any(too_long(pieces))


def test_a_split_text_is_the_mean_of_its_parts(student: ClipEmbedding) -> None:
    pieces = parts(LONG, student._loaded().clip.tokens.too_long)
    mean = np.mean([student.get_text_embedding(piece) for piece in pieces], axis=0)
    before, whole, after = student.get_text_embedding_batch(["a lamp", LONG, "a chair"])
    assert np.allclose(whole, mean / np.linalg.norm(mean), atol=1e-5)
    assert np.allclose([before, after], student.get_text_embedding_batch(["a lamp", "a chair"]), atol=1e-5)


def test_a_split_text_hears_its_last_word_and_a_cut_one_does_not(clip_folder: Path, student: ClipEmbedding) -> None:
    cut = embedder(clip_folder, student, long_text="cut")
    other_end = LONG.rsplit(" ", 1)[0] + " volcano"
    assert cut.get_text_embedding(LONG) == cut.get_text_embedding(other_end)
    assert student.get_text_embedding(LONG) != student.get_text_embedding(other_end)


def test_what_is_cut_is_counted_and_told_once(
    clip_folder: Path, student: ClipEmbedding, caplog: pytest.LogCaptureFixture
) -> None:
    cut = embedder(clip_folder, student, long_text="cut")
    cut.get_text_embedding_batch([LONG, FITS, "a lamp", LONG])
    assert cut.texts_cut == 2 and isinstance(cut, CuttingEmbedder)
    cut.get_text_embedding(LONG)
    assert cut.texts_cut == 3
    assert [f"to the {CONTEXT} tokens" in record.getMessage() for record in caplog.records] == [True]
    assert np.allclose(cut.get_text_embedding(LONG), cut.get_text_embedding(FITS), atol=1e-5)


def test_refuse_says_the_limit_and_the_way_out(clip_folder: Path, student: ClipEmbedding) -> None:
    refusing = embedder(clip_folder, student, long_text="refuse")
    refusing.get_text_embedding(FITS)
    with pytest.raises(StageError, match=f"at most {CONTEXT} tokens.*'long_text: split'"):
        refusing.get_text_embedding_batch(["a lamp", LONG])
    with pytest.raises(QueryError, match=f"at most {CONTEXT} tokens"):
        refusing.get_query_embedding(LONG)


def test_a_querys_words_go_into_the_template(clip_folder: Path, student: ClipEmbedding) -> None:
    photo = embedder(clip_folder, student, query_template="a photo of {}")
    assert np.allclose(
        photo.get_query_embedding("a {cat}"), student.get_text_embedding("a photo of a {cat}"), atol=1e-5
    )
    assert np.allclose(photo.get_text_embedding("a cat"), student.get_text_embedding("a cat"), atol=1e-5)
    assert photo.identity() == student.identity()


def test_async_gives_what_sync_gives(student: ClipEmbedding) -> None:
    async def ask() -> list[list[float]]:
        return await asyncio.gather(*(student.aget_query_embedding(word) for word in WORDS))

    assert np.allclose(asyncio.run(ask()), [student.get_query_embedding(word) for word in WORDS], atol=1e-5)
