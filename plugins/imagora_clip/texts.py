"""Texts as tokens, and what is done with one that is longer than the model reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

import torch

_ENDLESS = re.compile(r"\S{256}")  # longer than any word, and CLIP's own tokenizer needs the square of a word's length


class Tokenizer(Protocol):
    """What every tokenizer of open_clip does: texts to rows of equal length, padded or cut."""

    context_length: int

    def __call__(self, texts: list[str], context_length: int | None = None) -> torch.Tensor: ...


class Tokens:
    """A tokenizer that knows when it would cut, whatever its padding; safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.context_length = tokenizer.context_length
        self._tokenizer = tokenizer
        self._lock = Lock()  # the hub's fast tokenizers keep the length they pad and cut to as a state of their own
        self._padding = int(tokenizer([""]).mode().values[0])

    def rows(self, texts: Sequence[str]) -> torch.Tensor:
        """Give a row of `context_length` tokens for each text; longer ones are cut."""
        with self._lock:
            return self._tokenizer(_with_gaps(texts))

    def too_long(self, texts: Sequence[str]) -> list[bool]:
        """Say for each text whether its row would be cut: with twice the room it fills more of it."""
        if not texts:
            return []
        with self._lock:
            wide = self._tokenizer(_with_gaps(texts), context_length=2 * self.context_length)
            narrow = self._tokenizer(_with_gaps(texts))
        filled = (wide != self._padding).sum(1) > (narrow != self._padding).sum(1)
        return [bool(longer) for longer in filled]


def parts(text: str, too_long: Callable[[Sequence[str]], list[bool]]) -> list[str]:
    """Halve a text between words, or inside a word where there is only one, until every part fits; in order."""
    done: list[str] = []
    waiting = [text]
    while waiting:
        long = too_long(waiting)
        halves = [_halves(part) if longer else [part] for part, longer in zip(waiting, long, strict=True)]
        if all(len(half) == 1 for half in halves):
            done = [half[0] for half in halves]
            break
        waiting = [half for pair in halves for half in pair]
    return done


def _with_gaps(texts: Sequence[str]) -> list[str]:
    return [_ENDLESS.sub(r"\g<0> ", text) for text in texts]


def _halves(text: str) -> list[str]:
    words = text.split()
    if len(words) > 1:
        middle = len(words) // 2
        return [" ".join(words[:middle]), " ".join(words[middle:])]
    word = text.strip()
    return [word[: len(word) // 2], word[len(word) // 2 :]] if len(word) > 1 else [word]
