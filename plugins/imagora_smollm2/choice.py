"""Which passages the model reads: those that share most words with the question, and have words at all."""

from __future__ import annotations

from collections.abc import Sequence

from imagora import Passage
from imagora.inert import inert

from .grammar import ASKING, SMALL, WORD, Read

MOST_CHARACTERS = 2000
STEM = 5
"""So many first letters make two words one: 'coin' and 'coins', 'stack' and 'stacked'."""


def read_for(question: str, passages: Sequence[Passage], most: int) -> list[Read]:
    """Give at most `most` passages, those with most of the question's words first, else in their order."""
    asked = _stems(question)
    read = [one for number, passage in enumerate(passages, 1) if (one := _read(number, passage)).words]
    return sorted(read, key=lambda one: -len(asked & _stems(f"{one.title} {one.text}")))[:most]


def _read(number: int, passage: Passage) -> Read:
    metadata = passage.node.metadata
    tags = metadata.get("tags") or ()
    tags = ", ".join(map(str, tags)) if isinstance(tags, list | tuple) else str(tags)
    title = " ".join(str(metadata.get("title") or "").split())
    text = " ".join((passage.get_content().strip() or tags)[:MOST_CHARACTERS].split())
    return Read(number, inert(title)[:200], inert(text))


def _stems(text: str) -> set[str]:
    words = {word.lower() for word in WORD.findall(text)}
    return {word[:STEM] for word in words - ASKING - set(SMALL)}
