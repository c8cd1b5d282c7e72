"""Texts that are longer than a model reads: which they are, and their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagora.errors import StageError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ROOM = 2
"""Tokens that a text must have beside the prompt and the model's marks, so that splitting it comes to an end."""


def longer(model: SentenceTransformer, prompt: str, texts: Sequence[str]) -> list[bool]:
    """Say of each text whether it is longer, with the prompt before it, than the model reads."""
    room = model.max_seq_length
    if room is None or room == float("inf") or not texts:
        return [False] * len(texts)
    return [length > room for length in _lengths(model.tokenizer, [prompt + text for text in texts])]


def parts(model: SentenceTransformer, prompt: str, text: str) -> list[str]:
    """Halve a text between words, or inside of one where it has no other, until the model reads every part whole.

    Halves, rather than full windows and a rest: all parts weigh the same in the mean, so none should be short.
    """
    room = model.max_seq_length
    if room is not None and _lengths(model.tokenizer, [prompt])[0] + _ROOM > room:
        raise StageError(f"'sentence_transformers' reads {room} tokens at most, and its prompt alone fills them")
    waiting = [text]
    while any(long := longer(model, prompt, waiting)):
        halves = [_halves(part) if is_long else [part] for part, is_long in zip(waiting, long, strict=True)]
        if len(flat := [part for half in halves for part in half]) == len(waiting):
            break  # single characters: what is left over of them is the model's to cut
        waiting = flat
    return waiting


def _lengths(tokenizer: object, texts: list[str]) -> list[int]:
    if callable(tokenizer):  # as those of transformers are
        tokens = tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"]
    else:
        tokens = [tokenizer.tokenize(text) for text in texts]  # type: ignore[attr-defined]  # sentence-transformers' own
    return [len(row) for row in tokens]


def _halves(text: str) -> list[str]:
    words = text.split()
    if len(words) > 1:
        return [" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])]
    middle = len(text) // 2
    return [text[:middle], text[middle:]] if middle else [text]
