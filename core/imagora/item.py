"""One thing in a corpus: a picture, a text or both, with metadata."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

JSONValue: TypeAlias = "str | int | float | bool | None | Sequence[JSONValue] | Mapping[str, JSONValue]"
TEXT, URI, PICTURE = "_text", "_uri", "_picture"
"""The reserved keys of an index's payload: an item's text, its name and the file of its picture."""
_NAMESPACE = uuid.UUID("6f1d3c0e-8d0b-5d4e-9a59-2f3f0c5b7a11")


@dataclass(frozen=True)
class Picture:
    """A picture that was decoded and re-encoded by us: upright, RGB, no metadata.

    png: the re-encoded bytes. width, height: in pixels, of `png`. sha256: hex digest of the original bytes.
    original: what came in, in words, e.g. "JPEG 4000x3000".
    """

    png: bytes = field(repr=False)
    width: int
    height: int
    sha256: str
    original: str


@dataclass(frozen=True)
class Item:
    """One thing in a corpus.

    uri: what names it within its source, e.g. a relative path. text: its words. picture: where its picture's bytes are
    (a file, the bytes themselves, or a function that gets them; it may raise PictureError, which refuses the item, or
    SourceError, which ends the run), None for a text. version:
    what changes whenever the picture's bytes do, such as an ETag, so that they need not be read to know; None where
    there is no such thing. metadata: flat JSON values; `title`, `tags`, `caption`,
    `ocr_text` and `licence` are known to the rest of Imagora, any other key is the team's own.
    """

    uri: str
    text: str = ""
    picture: Path | bytes | Callable[[], bytes] | None = field(default=None, repr=False)
    metadata: Mapping[str, JSONValue] = field(default_factory=dict)
    version: str | None = None

    @property
    def words(self) -> str:
        """All that can be found by words: title, text, tags, caption and the words in the picture, a line each."""
        tags = self.metadata.get("tags")
        if isinstance(tags, Sequence) and not isinstance(tags, str):
            tags = ", ".join(str(tag) for tag in tags)
        lines = [self.metadata.get("title"), self.text, tags, *map(self.metadata.get, ("caption", "ocr_text"))]
        return "\n".join(str(line) for line in lines if line)


@dataclass(frozen=True)
class Deleted:
    """The word of a source that an item is gone, for sources that give changes only."""

    uri: str


@dataclass(frozen=True)
class Unreadable:
    """Something in a source that cannot become an item, and why.

    hides_others: other items may be behind it (a folder, a table's broken row), so that none must be taken for deleted.
    """

    uri: str
    reason: str
    hides_others: bool = False


def item_id(source_uri: str, item_uri: str) -> str:
    """Give the item's id, the same in every run: a version 5 UUID of the source's and the item's names."""
    return str(uuid.uuid5(_NAMESPACE, f"{source_uri}\0{item_uri}"))
