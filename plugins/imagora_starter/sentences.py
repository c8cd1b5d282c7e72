"""What an extractive answer can quote: a passage's sentences, cleaned and bounded, whoever wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imagora import Passage

from .words import content_words

LONGEST_TEXT = 20_000
"""Characters of a passage that are read."""
LONGEST_QUOTE = 400
"""Characters of a sentence that are quoted; the rest is an ellipsis."""
LONGEST_TITLE = 120
MOST_SENTENCES = 12
"""Sentences of a passage that are compared: those that share most words with the question, then the first ones."""

_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')]))\s+(?=[^\W_a-z]|[\"'(\[])|(?<=[。！？])|\n+")  # noqa: RUF001 - their full stops
_WORD = re.compile(r"[^\W_]+")
_MARKER = re.compile(r"\[\s*(\d+)\s*\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


@dataclass(frozen=True)
class Quotable:
    """A passage as it can be quoted: its number in the prompt, its title, its sentences, and its tags in one line."""

    number: int
    title: str
    sentences: tuple[str, ...]
    tags: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Its words, piece by piece."""
        return tuple(text for text in (self.title, *self.sentences, self.tags) if text)


def quotable(number: int, passage: Passage, asked: frozenset[str]) -> Quotable:
    """Read a passage, of a long one the sentences that share most with the content words `asked`, in their order."""
    metadata = passage.node.metadata
    tags = metadata.get("tags") or ""
    listed = tags if isinstance(tags, str) else ", ".join(str(tag) for tag in list(tags)[:50])
    sentences = list(_split(passage.get_content()[:LONGEST_TEXT]))
    if len(sentences) > MOST_SENTENCES:
        shared = [-len(asked & content_words(sentence)) for sentence in sentences]
        best = sorted(range(len(sentences)), key=lambda n: (shared[n], n))[:MOST_SENTENCES]
        sentences = [sentences[n] for n in sorted(best)]
    title = clean(str(metadata.get("title") or ""), LONGEST_TITLE)
    return Quotable(number, title, tuple(sentences), clean(listed, LONGEST_QUOTE))


def clean(text: str, longest: int) -> str:
    """Give text on one line, at most `longest` characters, without what would read as a citation marker."""
    line = _CONTROL.sub(" ", text[: 4 * longest]).strip()
    line = _MARKER.sub(r"(\1)", line)
    if len(line) <= longest:
        return line
    cut = line[:longest]
    at = cut.rfind(" ")
    return (cut[:at] if at > longest // 2 else cut).rstrip(" ,;:") + "…"


def _split(text: str) -> Iterator[str]:
    for part in _END.split(text):
        if (sentence := clean(part or "", LONGEST_QUOTE)) and _WORD.search(sentence):
            yield sentence
