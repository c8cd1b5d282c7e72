"""Where a row's picture is: a file beside the table, or a URL where the recipe allows that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from imagora.errors import PictureError

from .addresses import shown as shown_url
from .fetching import Fetcher
from .values import Unusable, shown

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters or more: 'C:' is a drive


@dataclass(frozen=True)
class UrlPicture:
    """Gets a picture's bytes when called, and not before."""

    url: str
    fetcher: Fetcher = field(repr=False)

    def __call__(self) -> bytes:
        return self.fetcher.get(self.url)


def is_url(name: str) -> bool:
    """Say whether a cell has a URL rather than a path."""
    return _SCHEME.match(name) is not None


def picture_at(url: str, fetcher: Fetcher | None) -> UrlPicture:
    """Give the picture behind a URL, not fetched; raise Unusable for one that may not be."""
    if fetcher is None:
        raise Unusable(f"{shown_url(url)} is a URL, and fetching is off; turn it on with 'urls: https' and the 'hosts'")
    try:
        fetcher.check(url)
    except PictureError as error:
        raise Unusable(str(error)) from None
    return UrlPicture(url, fetcher)


def picture_beside(root: Path, name: str) -> Path:
    """Give the file that a row names, inside of the table's folder; raise Unusable where there is no such file."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise Unusable(f"{shown(name)} is outside of the table's folder; pictures are named by paths relative to it")
    if "\0" in name or not path.parts:
        raise Unusable(f"{shown(name)} is not a path")
    found = root
    try:
        for part in path.parts:
            found = found / part
            if found.is_symlink() or (hasattr(found, "is_junction") and found.is_junction()):
                raise Unusable(f"{shown(name)} is behind a link, and links are not followed")
        if found.is_file():
            return found
        there = found.exists()
    except OSError as error:
        raise Unusable(f"{shown(name)} cannot be read: {error.strerror}") from None
    if there:
        raise Unusable(f"{shown(name)} is not a regular file")
    raise Unusable(f"there is no file {shown(name)} beside the table")
