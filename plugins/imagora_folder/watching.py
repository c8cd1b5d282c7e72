"""Changes in a folder, heard from before it is read until it is read again, so that none falls between the two."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from imagora.errors import MissingExtra, SourceError

from .options import MANIFEST_ENDINGS, FolderOptions
from .walk import SIDE_ENDINGS, printable, stem

QUIET = 400
"""How long nothing must have changed, in milliseconds."""
LONGEST = 10_000
"""How long changes that do not end are waited for, in milliseconds."""
TRIES = 10


class Watch:
    """Listens in every folder of one folder; `start` begins anew with those that there are now.

    Links are not followed by itself: only the folders that the source reads are listened in, since a link may lead
    anywhere, to the root of the disk as well.
    """

    def __init__(self, root: Path, options: FolderOptions, folders: Callable[[], Sequence[str]]) -> None:
        self.root, self.options, self._folders = root, options, folders
        self._changes: Generator[set[tuple[Any, str]], None, None] | None = None
        self._heard: set[tuple[Any, str]] = set()
        self._missed = self._gone = False
        self._fresh = False  # nobody waited since it began to listen
        self._identity: tuple[int, int] | None = None
        self._listened: set[str] = set()
        self._pictures: set[str] | None = None  # without their endings, None where the folder could not be read
        self._named: set[str] = set()

    def start(self) -> None:
        """Listen in all folders that there are; what was heard until now is forgotten, for it is read next."""
        if self._fresh:
            return
        self._missed, self._fresh, self._pictures = False, True, None
        there = self._there()
        self._gone = there is None
        for _ in range(TRIES):
            self._stop()
            if there is None:
                return
            self._listen(there)
            # One that came between the look and the listening would never be heard of.
            if (again := self._there()) == there:
                return
            there = again
        self._missed = True

    def know(self, pictures: Collection[str], named: Collection[str]) -> None:
        """Hear what was read: its pictures, and files with any ending that the manifest names."""
        self._pictures = {stem(name) for name in pictures}
        self._named = {_plain(name) for name in (*pictures, *named)}

    def wait(self, stop: Event) -> bool:
        """Block until something that the source would read has changed and is quiet; False once `stop` is set."""
        self._fresh = False
        while not stop.is_set():
            if self._missed or self._changed(stop):
                self._missed = False
                return not stop.is_set()
        return False

    def _changed(self, stop: Event) -> bool:
        """Look for a moment whether anything changes."""
        if self._changes is None and self._gone:
            there = self.root.is_dir()
            stop.wait(QUIET / 1000)
            return there
        if self._changes is None:  # nothing can be heard, and the reading says why: it may do so now and then
            stop.wait(LONGEST / 1000)
            return True
        try:
            heard, self._heard = self._heard or next(self._changes), set()
        except (OSError, RuntimeError, StopIteration):  # the next reading begins to listen again
            self._stop()
            return True
        if any(self._matters(path) for _, path in heard):
            return True
        return _identity(self.root) != self._identity  # a folder above it was moved, which nothing is told of

    def _there(self) -> list[str] | None:
        try:
            return sorted(filter(printable, self._folders())) if self.root.is_dir() else None
        except SourceError:  # the reading says why
            return None

    def _listen(self, folders: Sequence[str]) -> None:
        try:
            from watchfiles import watch
        except ImportError:
            raise MissingExtra(
                "to watch a folder needs the package 'watchfiles'; type: pip install 'imagora[folder]'"
            ) from None
        self._identity, self._listened = _identity(self.root), set(folders)
        self._changes = watch(
            *(self.root / name for name in folders),
            watch_filter=None,
            debounce=LONGEST,
            step=QUIET,
            rust_timeout=QUIET,
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            self._heard = next(self._changes)  # it listens from here on
        except FileNotFoundError:  # one has gone again; the next look will not have it
            self._stop()
        except (OSError, RuntimeError) as error:
            self._stop()
            raise SourceError(
                f"the folder '{self.root}' cannot be watched: {error}; where it has too many folders, raise "
                "fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1"
            ) from None

    def _stop(self) -> None:
        if self._changes is not None:
            self._changes.close()
        self._changes, self._heard = None, set()

    def _matters(self, path: str) -> bool:
        """Say whether the source reads a path, and not e.g. an index that lies in the folder too."""
        for root in (self.root, Path(os.path.realpath(self.root))):  # macOS gives real paths
            if Path(path).is_relative_to(root):
                name = Path(path).relative_to(root).as_posix()
                break
        else:
            return True
        if any(part.startswith(".") for part in PurePosixPath(name).parts) and not self.options.hidden:
            return False
        if self._pictures is None or name in self._listened or _plain(name) in self._named or self._manifest(name):
            return True
        ending = PurePosixPath(name).suffix.lower()
        if ending in (*self.options.pictures, *self.options.texts):
            return True
        if ending in SIDE_ENDINGS and stem(name) in self._pictures:
            return True
        return self.options.recursive and (self.root / name).is_dir()

    def _manifest(self, name: str) -> bool:
        asked = self.options.manifest
        return name == asked if asked else name in [f"manifest{ending}" for ending in MANIFEST_ENDINGS]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
