"""From an item to an index's payload, and from a hit to a passage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from llama_index.core.schema import MediaResource, Node

from .answer import Passage
from .item import PICTURE, TEXT, URI, Item, JSONValue
from .stages import Hit


def payload_of(item: Item) -> dict[str, JSONValue]:
    """Give the payload of an item: its metadata as it is, and its text, name and picture under reserved keys."""
    picture = str(item.picture) if isinstance(item.picture, Path) else None
    return {**item.metadata, TEXT: item.text, URI: item.uri, PICTURE: picture}


def _picture(path: Path) -> MediaResource:
    return MediaResource(path=path, mimetype=_mimetype(path.suffix))


@lru_cache(64)  # LlamaIndex would look through all kinds that it knows, for every picture
def _mimetype(suffix: str) -> str | None:
    return MediaResource(path=Path(f"picture{suffix}")).mimetype


def passage_of(hit: Hit) -> Passage:
    """Make the passage of a hit: one LlamaIndex Node with text and picture, metadata with the item's `uri`.

    The text is the item's own, then its caption and the words in its picture, so that every later stage reads them.
    """
    payload: Mapping[str, Any] = hit.payload
    metadata = {key: value for key, value in payload.items() if not key.startswith("_")}
    told = [payload.get(key) for key in (TEXT, "caption", "ocr_text")]
    text, picture = "\n".join(str(words) for words in told if words), payload.get(PICTURE)
    node = Node(
        id_=hit.id,
        text_resource=MediaResource(text=text) if text else None,
        image_resource=_picture(Path(picture)) if picture else None,
        extra_info={**metadata, "uri": payload.get(URI) or hit.id},
    )
    return Passage.of(node, float(hit.score), {leg: float(score) for leg, score in hit.scores.items()})
