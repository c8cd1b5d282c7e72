"""What the objects of one folder are: pictures with their words beside them, and texts of their own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from imagora import Item, Unreadable
from imagora.item import JSONValue

from .options import BucketOptions
from .store import TEXT_BYTES, Object

MOST_VALUES = 1000


class Unusable(Exception):
    """An object cannot be used; the text is the reason."""


@dataclass(frozen=True)
class Group:
    """What becomes one item: its picture, None for a text, and the objects with its words."""

    uri: str
    picture: Object | None
    words: tuple[Object, ...]


def stem(name: str) -> str:
    """Give a name without its last ending, as a picture and the objects beside it share it."""
    return name.removesuffix(PurePosixPath(name).suffix)


def grouped(objects: Sequence[Object], options: BucketOptions) -> list[Group]:
    """Put the objects of a folder together, sorted by name."""
    beside: dict[str, list[Object]] = {}
    pictures, texts = [], []
    for one in objects:
        ending = PurePosixPath(one.name).suffix.lower()
        if ending in options.pictures:
            pictures.append(one)
        elif ending in options.texts or ending == ".json":
            beside.setdefault(stem(one.name), []).append(one)
            if ending != ".json":
                texts.append(one)
    taken = {stem(picture.name) for picture in pictures}
    groups = [Group(picture.name, picture, tuple(beside.get(stem(picture.name), ()))) for picture in pictures]
    groups += [Group(text.name, None, (text,)) for text in texts if stem(text.name) not in taken]
    return sorted(groups, key=lambda group: group.uri)


def item_of(
    group: Group, text_of: Callable[[Object], str], picture_of: Callable[[Object], Callable[[], bytes]]
) -> Item | Unreadable:
    """Make an item of a group; a picture whose words cannot be read is not given without them: they may hide it."""
    try:
        text, metadata = list[str](), dict[str, JSONValue]()
        for one in group.words:
            said = text_of(one)
            if one.name.lower().endswith(".json"):
                words, metadata = _side(one.name, said)
                text += words
            elif said.strip():
                text.append(said.strip())
    except Unusable as error:
        return Unreadable(group.uri, str(error))
    picture = picture_of(group.picture) if group.picture else None
    version = group.picture.version if group.picture else None
    item = Item(group.uri, "\n\n".join(text), picture, metadata, version)
    return item if picture or item.words else Unreadable(group.uri, "it has neither a picture nor words")


def decode_text(name: str, data: bytes) -> str:
    """Give a text object's words, at most a megabyte of UTF-8."""
    if len(data) > TEXT_BYTES:
        raise Unusable(f"'{name}' is larger than {TEXT_BYTES / 1e6:g} MB, which is the limit for words")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"'{name}' is not UTF-8 text (at byte {error.start})") from None


def _side(name: str, text: str) -> tuple[list[str], dict[str, JSONValue]]:
    try:
        says = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"'{name}' is not JSON: {error}") from None
    if not isinstance(says, Mapping):
        raise Unusable(f"'{name}' must be a mapping, e.g. 'title' and 'tags' with their values")
    said = {key: value for key, value in says.items() if value is not None}
    parts = [said.pop(key) for key in ("text", "description") if key in said]
    if not all(isinstance(part, str) for part in parts):
        raise Unusable(f"'{name}': its text must be words")
    if isinstance(said.get("tags"), str):
        said["tags"] = [tag.strip() for tag in said["tags"].split(",") if tag.strip()]
    return [part for part in parts if part.strip()], dict(_flat(name, said))


def _flat(name: str, said: Mapping[Any, Any]) -> Iterator[tuple[str, JSONValue]]:
    for key, value in said.items():
        if not key or key.startswith("_") or key == "uri":
            raise Unusable(f"'{name}': '{key}' cannot be a metadata key: it is empty, begins with '_' or is 'uri'")
        values = value if isinstance(value, list) else [value]
        if len(values) > MOST_VALUES or not all(_scalar(one) for one in values):
            what = f"words, finite numbers, yes or no, or a list of at most {MOST_VALUES} of those"
            raise Unusable(f"'{name}': '{key}' is not flat; metadata is {what}")
        yield key, value


def _scalar(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**63
    return isinstance(value, str | bool) or (isinstance(value, float) and math.isfinite(value))
