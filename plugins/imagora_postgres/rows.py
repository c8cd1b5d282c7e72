"""A row as an item: its words, its picture, and its other columns as metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imagora import Deleted, Item, Unreadable

from .options import PostgresOptions
from .statement import Shape
from .values import Unusable, metadata_of, scalar, tags_of, words_of


def thing_of(
    row: Mapping[str, Any], number: int, shape: Shape, options: PostgresOptions, fetch: Callable[[object], bytes]
) -> Item | Unreadable | Deleted:
    """Give a row's item, the word that it is deleted, or the reason why it cannot be an item."""
    said = {role: row[column] for role, column in shape.roles.items()}
    try:
        uri = str(scalar(shape.roles["id"], said["id"])) if said["id"] is not None else ""
    except Unusable as error:
        return Unreadable(f"row {number}", str(error), hides_others=True)
    if not uri:
        return Unreadable(f"row {number}", f"its column '{shape.roles['id']}' is empty or NULL", hides_others=True)
    if said.get("deleted") not in (None, False):
        return Deleted(uri)
    try:
        return _item(uri, row, said, shape, (options.folder, fetch))
    except Unusable as error:
        return Unreadable(uri, str(error))


def _item(
    uri: str,
    row: Mapping[str, Any],
    said: Mapping[str, Any],
    shape: Shape,
    pictures: tuple[Path | None, Callable[[object], bytes]],
) -> Item:
    taken = set(shape.roles.values())
    metadata = metadata_of({column: value for column, value in row.items() if column not in taken})
    for role, told in (("title", words_of), ("tags", lambda _, value: tags_of(value))):
        if said.get(role) is not None:
            if role in metadata:
                raise Unusable(f"'{role}' comes twice: as a column and in a JSON value")
            metadata[role] = told(role, said[role])
    text = words_of("text", said["text"]) if said.get("text") is not None else ""
    picture, version = _picture(said, shape, *pictures), None
    if picture is not None and said.get("version") is not None:
        version = words_of("version", said["version"])
    item = Item(uri, text, picture, metadata, version)
    if picture is None and not item.words.strip():
        raise Unusable("it has neither a picture nor words")
    return item


def _picture(
    said: Mapping[str, Any], shape: Shape, folder: Path | None, fetch: Callable[[object], bytes]
) -> Path | bytes | Callable[[], bytes] | None:
    value = said.get("picture")
    if shape.fetches:
        return (lambda: fetch(said["id"])) if value else None
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str) or folder is None:
        raise Unusable("its picture must be bytes or a path")
    path = PurePosixPath(value)
    if not value or path.is_absolute() or ".." in path.parts or "\\" in value:
        raise Unusable(f"its picture must be a path under the folder, and '{value}' is not")
    found = folder / path
    try:
        inside = found.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead to one another
        inside = False
    if not inside:
        raise Unusable(f"its picture '{value}' leads out of the folder")
    return found
