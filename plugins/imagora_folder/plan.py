"""Which items a folder has: its files and its manifest's rows put together, before any file's words are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .options import FolderOptions
from .reading import Unusable, flat
from .rows import Row
from .walk import Files, stem


@dataclass(frozen=True)
class Planned:
    """One item to come: its picture, the files with its words, and its row; or the reason why it cannot come.

    hides: it is a folder or a row that cannot be read, and other items may be behind it.
    """

    uri: str
    picture: str | None = None
    words: tuple[str, ...] = ()
    row: Row | None = None
    reason: str | None = None
    hides: bool = False


def plan_items(root: Path, options: FolderOptions, files: Files, manifest: str, rows: Sequence[Row]) -> list[Planned]:
    """Give what a folder has, sorted by name, no name twice."""
    plan = {uri: Planned(uri, reason=reason, hides=(root / uri).is_dir()) for uri, reason in files.refused.items()}
    plan |= {uri: Planned(uri, uri, tuple(files.words.get(stem(uri), ()))) for uri in files.pictures}
    plan |= {uri: Planned(uri, words=(uri,)) for uri in files.texts}
    known = {unicodedata.normalize("NFC", uri): uri for uri in plan}  # macOS gives names in another form than it got
    for row in rows:
        try:
            named = _file_of(row)
            uri = str(row.says["id"]) if named is None else _inside(root, options, named, known)
            planned = _with_row(plan.get(uri), Planned(uri, uri if named else None, row=row, reason=row.reason), files)
        except Unusable as error:
            where = f"{manifest}, {row.where}"
            planned = Planned(where, reason=row.reason or str(error), hides=row.reason is not None)
        plan[planned.uri] = planned
    return [plan[uri] for uri in sorted(plan)]


def _with_row(before: Planned | None, new: Planned, files: Files) -> Planned:
    if before is not None and before.row is not None:
        raise Unusable(f"'{new.uri}' has a row already: {before.row.where}")
    if before is not None and before.reason is not None:
        raise Unusable(f"'{new.uri}' cannot be used: {before.reason}")
    if before is not None and new.picture is None:
        raise Unusable(f"its id '{new.uri}' is the name of a file in the folder")
    words = tuple(files.words.get(stem(new.uri), ())) if new.picture else ()
    picture, words = (new.picture, words) if before is None else (before.picture, before.words)
    return Planned(new.uri, picture, words, new.row, new.reason)


def _file_of(row: Row) -> str | None:
    """Give the path that a row names, or None for a text that has its words in the row."""
    named = [row.says[key] for key in ("picture", "file") if row.says.get(key) not in (None, "")]
    if len(named) > 1:
        raise Unusable("it has both 'picture' and 'file'; keep one")
    if not named:
        uri = row.says.get("id")
        if not isinstance(uri, str | int) or isinstance(uri, bool) or not str(uri).strip():
            raise Unusable("it names no picture, and a text needs an 'id'")
        flat("id", uri)
        return None
    name = named[0]
    if not isinstance(name, str) or "\0" in name:
        raise Unusable("its 'picture' must be a path in the folder")
    flat("picture", name)
    return name


def _inside(root: Path, options: FolderOptions, name: str, known: dict[str, str]) -> str:
    """Give the uri of the file that a row names; it may have any ending, and must be in the folder."""
    for path in (PurePosixPath(name), PurePosixPath(name.replace("\\", "/"))):
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
            raise Unusable(f"'{name}' is outside the folder; paths in the manifest are relative to its folder")
        found = known.get(unicodedata.normalize("NFC", str(path)))
        if found is not None:
            return found
        steps = [root.joinpath(*path.parts[:length]) for length in range(1, len(path.parts) + 1)]
        try:
            if not options.follow_links and any(step.is_symlink() for step in steps):
                raise Unusable(f"'{name}' is behind a link, and 'follow_links' is off")
            if steps and steps[-1].is_file():
                return str(path)
            if steps and steps[-1].exists():
                raise Unusable(f"'{name}' is not a regular file")
        except OSError as error:
            raise Unusable(f"'{name}' cannot be read: {error.strerror}") from None
    raise Unusable(f"there is no file '{name}' in the folder")
