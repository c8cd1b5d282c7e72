"""What passages say, in pieces that a sentence can be compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imagora import Passage

from .claims import claims, content, folded
from .quantities import Quantity, quantities

LONGEST = 50_000
"""Characters of a passage that are read."""


@dataclass(frozen=True)
class Evidence:
    """A passage as evidence: its number, its title, its sentences, and all of its words, metadata included.

    wordless: it is a picture without words, so that words cannot say what it shows.
    """

    number: int
    title: str
    sentences: tuple[str, ...]
    whole: str
    wordless: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of all its words."""
        return content(self.whole)

    @cached_property
    def quantities(self) -> list[Quantity]:
        """All its numbers."""
        return quantities(self.whole)

    @cached_property
    def plain(self) -> str:
        """All its words in lower case without accents."""
        return folded(self.whole)


def evidence(passages: Sequence[Passage]) -> list[Evidence]:
    """Read passages, in the order of their numbers."""
    read = []
    for number, passage in enumerate(passages, start=1):
        text = passage.get_content()[:LONGEST]
        told = "\n".join(_strings(passage.node.metadata))
        sentences = tuple(claim.text for claim in claims(text)) or ("",)
        whole = f"{passage.title}\n{text}\n{told}"[: 2 * LONGEST]
        wordless = not text.strip() and getattr(passage.node, "image_resource", None) is not None
        read.append(Evidence(number, passage.title, sentences, whole, wordless))
    return read


def _strings(metadata: Mapping[str, Any]) -> Iterator[str]:
    for key, value in metadata.items():
        if key != "uri":
            parts = value if isinstance(value, list | tuple) else [value]
            yield from (f"{key}: {part}" for part in parts if isinstance(part, str | int | float))
