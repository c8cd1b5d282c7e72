"""The names of an index's generations on a server, and how one of ours is told from a collection of the same name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from imagora.errors import UnusableIndex

from .identities import Legs, from_document, to_document

CONTENT = "content"


def collection_of(name: str, generation: int) -> str:
    """Give the collection of a generation; the first one's is the name that the recipe says."""
    return name if generation == 1 else f"{name}--g{generation}"


def generation_of(name: str, collection: str) -> int | None:
    """Give the generation whose collection is called so, None where none of this name's is."""
    if collection == name:
        return 1
    match = re.fullmatch(rf"{re.escape(name)}--g([2-9]|[1-9][0-9]+)", collection)
    return int(match[1]) if match else None


def answering_alias(name: str) -> str:
    """Give the alias of the generation that answers."""
    return f"{name}--answering"


def before_alias(name: str) -> str:
    """Give the alias of the generation that answered before the last switch."""
    return f"{name}--before"


def to_metadata(legs: Legs, name: str, generation: int) -> dict[str, Any]:
    """Write what a collection's metadata says; a later generation's also says whose it is."""
    return {**to_document(legs), **({"of": name, "generation": generation} if generation > 1 else {})}


def from_metadata(metadata: Mapping[str, Any] | None, name: str, generation: int, place: str) -> Legs:
    """Read the identities in a collection's metadata; UnusableIndex where the collection is not this generation."""
    collection = collection_of(name, generation)
    if not metadata or "imagora" not in metadata:
        raise UnusableIndex(
            f"the collection '{collection}' is there and was not made by imagora ('{place}'); name another collection"
        )
    of, number = metadata.get("of", collection), metadata.get("generation", 1)
    if (of, number) != (name, generation):
        whose = f"generation {number} of the index '{of}'" if number != 1 else f"an index of its own, '{of}'"
        raise UnusableIndex(f"the collection '{collection}' is {whose} ('{place}'); name another collection")
    return from_document(metadata, place)


def being_changed() -> dict[str, str]:
    """Write, into a collection's metadata, that its content is being changed and has no name."""
    return {CONTENT: ""}


def changed() -> dict[str, str]:
    """Write a new name of a collection's content."""
    return {CONTENT: uuid.uuid4().hex}


def content_of(metadata: Mapping[str, Any] | None) -> str | None:
    """Read the name of a collection's content; None while it is changed, after a crash, and where it has none yet."""
    said = (metadata or {}).get(CONTENT)
    return said if isinstance(said, str) and said else None
