"""What a message says: an item, that one is gone, or nothing that can be read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from imagora import Deleted, Item
from imagora.item import JSONValue
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

MOST_VALUES = 1000
Scalar = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr
Value = Scalar | None | Annotated[list[Scalar], Field(max_length=MOST_VALUES)]


class Malformed(Exception):
    """A message cannot become an item; the text is the reason."""


class Said(BaseModel):
    """A message's value."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = ""
    title: str | None = None
    tags: Annotated[list[str], Field(max_length=MOST_VALUES)] = []
    metadata: dict[str, Value] = {}
    picture: str | None = None
    file: str | None = None


def thing_of(key: bytes | None, value: bytes | None, content_type: str | None, folder: Path | None) -> Item | Deleted:
    """Make an item, or say that it is gone; raise Malformed with the reason.

    content_type: application/json where there is none; text/… for an item's words, image/… for its picture's bytes.
    """
    uri = _text("key", key)
    if not uri:
        raise Malformed("it has no key, which is the item's name")
    if value is None:
        return Deleted(uri)
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return Item(uri, picture=value)
    if kind.startswith("text/"):
        return _worth(Item(uri, _text("value", value)))
    if kind != "application/json":
        raise Malformed(f"its content-type '{kind}' is none of application/json, text/… and image/…")
    said = _said(_text("value", value))
    words: dict[str, JSONValue] = {"title": said.title} if said.title else {}
    words |= {"tags": said.tags} if said.tags else {}
    return _worth(Item(uri, said.text, _picture(said, folder), {**_metadata(said.metadata), **words}))


def _said(value: str) -> Said:
    try:
        return Said.model_validate(json.loads(value, parse_constant=_no_constant, parse_int=_whole))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][:2])
        raise Malformed(f"'{place}': {first['msg'].lower()}" if place else "its value must be a mapping") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its value is not JSON: {error}") from None


def _picture(said: Said, folder: Path | None) -> bytes | Path | None:
    if said.picture is not None and said.file is not None:
        raise Malformed("it has both 'picture' and 'file'; send one")
    if said.picture is not None:
        try:
            return base64.b64decode(said.picture, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("its 'picture' is not base64") from None
    if said.file is None:
        return None
    if folder is None:
        raise Malformed("it names a file, and the recipe allows no 'folder' for files")
    try:
        path = (folder / said.file).resolve()
        inside = path.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside:
        raise Malformed(f"its file '{said.file}' is outside the folder")
    return path


def _metadata(said: Mapping[str, Any]) -> dict[str, JSONValue]:
    for key in said:
        if not key or key.startswith("_") or key in ("uri", "title", "tags"):
            raise Malformed(f"'{key}' cannot be a metadata key: empty, '_…', or with a place of its own")
    return dict(said)


def _worth(item: Item) -> Item:
    if item.picture is None and not item.words.strip():
        raise Malformed("it has neither words nor a picture; an item that is gone has no value at all")
    return item


def _text(what: str, data: bytes | None) -> str:
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        raise Malformed(f"its {what} is not UTF-8 text") from None


def _whole(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError("a whole number in it is too large to be stored")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"'{name}' is not a number in JSON")
