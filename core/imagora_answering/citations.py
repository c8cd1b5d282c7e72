"""Citations: the markers in a generated text, checked against the passages that were shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagora.answer import Citation, Passage

_MARKER = re.compile(r"[ \t]?\[(\d{1,4})\]")


def cite(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...], tuple[int, ...]]:
    """Give the text without markers that mean nothing, the citations in it, and the unknown numbers."""
    parts: list[str] = []
    citations: list[Citation] = []
    unknown: list[int] = []
    length = done = 0
    for match in _MARKER.finditer(text):
        number = int(match[1])
        known = 1 <= number <= len(passages)
        kept = text[done : match.end() if known else match.start()]
        parts.append(kept)
        length += len(kept)
        done = match.end()
        if known:
            citations.append(_citation(number, length, passages[number - 1]))
        else:
            unknown.append(number)
    return "".join([*parts, text[done:]]), tuple(citations), tuple(unknown)


def _citation(number: int, end: int, passage: Passage) -> Citation:
    metadata, picture = passage.node.metadata, getattr(passage.node, "image_resource", None)
    return Citation(
        number=number,
        start=end - len(f"[{number}]"),
        end=end,
        item_id=passage.node_id,
        uri=passage.uri,
        title=passage.title,
        picture=str(picture.path) if picture and picture.path else None,
        licence=str(metadata["licence"]) if metadata.get("licence") else None,
    )
