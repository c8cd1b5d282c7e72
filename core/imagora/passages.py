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
from .unchecked import like

# What is made of a hit, as LlamaIndex makes it.
_node = like(Node(id_="", text_resource=None, image_resource=None, extra_info={}))
_words, _shown = like(MediaResource(text="")), like(MediaResource(path=Path(), mimetype=None))


def payload_of(item: Item) -> dict[str, JSONValue]:
    """Give the payload of an item: its metadata as it is, and its text, name and picture under reserved keys."""
    picture = str(item.picture) if isinstance(item.picture, Path) else None
    return {**item.metadata, TEXT: item.text, URI: item.uri, PICTURE: picture}


def node_of(id_: str, text: str | None, picture: str | None, metadata: dict[str, Any]) -> Node:
    """Make a node as LlamaIndex does, without its checks; it takes the metadata for its own."""
    words = _words(text=text) if text else None
    shown = None
    if picture:
        path = Path(picture)
        shown = _shown(path=path, mimetype=_mimetype(path.suffix))
    return _node(id_=id_, text_resource=words, image_resource=shown, metadata=metadata)


@lru_cache(64)  # LlamaIndex would look through all kinds that it knows, for every picture
def _mimetype(suffix: str) -> str | None:
    return MediaResource(path=Path(f"picture{suffix}")).mimetype


def passage_of(hit: Hit) -> Passage:
    """Make the passage of a hit: one LlamaIndex Node with text and picture, metadata with the item's `uri`.

    The text is the item's own, then its caption and the words in its picture, so that every later stage reads them.
    """
    payload: Mapping[str, Any] = hit.payload
    metadata = {key: value for key, value in payload.items() if not key.startswith("_")}
    metadata["uri"] = payload.get(URI) or hit.id
    told = [str(words) for key in (TEXT, "caption", "ocr_text") if (words := payload.get(key))]
    node = node_of(hit.id, "\n".join(told), payload.get(PICTURE), metadata)
    return Passage.of(node, float(hit.score), {leg: float(score) for leg, score in hit.scores.items()})
