"""What files a folder has: names only, in a stable order, without opening any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from imagora.errors import SourceError

from .options import FolderOptions

SIDE_ENDINGS = (".json", ".yaml", ".yml")


@dataclass
class Files:
    """The files of a folder by use, each as its posix path in the folder; `refused` has reasons by name.

    words: files beside pictures that may have their words, by the path without its ending. folders: those that were
    looked into, the folder itself as "".
    """

    pictures: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def list_files(root: Path, options: FolderOptions) -> Files:
    """List a folder's files; raise SourceError where the folder itself cannot be read."""
    files = Files()
    for entry, name in _walk(root, options, files):
        ending = PurePosixPath(name).suffix.lower()
        if ending not in (*options.pictures, *options.texts, *SIDE_ENDINGS):
            continue
        if not printable(name):
            files.refused[shown(name)] = "its name is not valid UTF-8; give it another"
        elif (reason := _unusable(entry)) is not None:
            if ending not in SIDE_ENDINGS:
                files.refused[name] = reason
        elif ending in options.pictures:
            files.pictures.append(name)
        else:
            files.words.setdefault(stem(name), []).append(name)
    stems = {stem(name) for name in files.pictures}
    for beside in files.words.values():
        beside.sort()
    alone = [name for key, names in files.words.items() if key not in stems for name in names]
    files.texts = sorted(name for name in alone if PurePosixPath(name).suffix.lower() in options.texts)
    files.pictures.sort()
    return files


def stem(name: str) -> str:
    """Give the path without its last ending."""
    return str(PurePosixPath(name).with_suffix(""))


def printable(name: str) -> bool:
    """Say whether a file name is UTF-8; Python keeps other bytes as lone surrogates, which nothing can store."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def shown(name: str) -> str:
    """Give a name in which bytes that are not UTF-8 are written as \\x.."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(root: Path, options: FolderOptions, files: Files) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Give every file; each folder once, whatever links lead to it, and by its own name rather than by a link's."""
    folders, links, been = [""], list[str](), set[tuple[int, int]]()
    while folders or links:
        links.sort(reverse=True)
        inside = folders.pop() if folders else links.pop()
        try:
            status = (root / inside).stat()
            if (status.st_dev, status.st_ino) in been and status.st_ino:
                continue
            been.add((status.st_dev, status.st_ino))
            with os.scandir(root / inside) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if not inside:
                raise SourceError(f"the folder '{shown(str(root))}' cannot be read: {error.strerror}") from None
            files.refused[shown(inside)] = f"the folder cannot be read: {error.strerror}"
            continue
        files.folders.append(inside)
        for entry in entries:
            name = f"{inside}/{entry.name}" if inside else entry.name
            if entry.name.startswith(".") and not options.hidden:
                continue
            if _is_link(entry) and not options.follow_links:
                continue
            if not _is_folder(entry):
                yield entry, name
            elif options.recursive:
                (links if _is_link(entry) else folders).append(name)


def _is_link(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or entry.is_junction() if hasattr(entry, "is_junction") else entry.is_symlink()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _unusable(entry: os.DirEntry[str]) -> str | None:
    try:
        if entry.is_file():
            return None
        return "it is a link that leads nowhere" if entry.is_symlink() else "it is not a regular file"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
