"""One process at a time in a generation of a folder.

The engine has a lock of its own, and takes it too late: the attempt to load a shard that another process is writing to
can lose vectors of that process (seen with qdrant-edge-py 0.9). So ours is taken before the engine is asked at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import portalocker
from imagora.errors import IndexInUse


class FolderLock:
    """A lock on a file in the folder; the system lets go of it when the process ends, however it ends.

    The file stays when the lock is let go: who removed it would let two in, one by the old file and one by a new one.
    place: what is locked, in words for the error.
    """

    def __init__(self, file: Path, place: str) -> None:
        self._path, self._place = file, place
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock, or keep it where it is taken; IndexInUse where somebody else has it."""
        if self._file is not None:
            return
        file = self._path.open("a", encoding="utf-8")
        try:
            portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.LockException as error:
            file.close()
            raise IndexInUse(
                f"the index at '{self._place}' is in use by another process, and an embedded index takes one at "
                "a time; end the other one, or use a server by 'url'"
            ) from error
        self._file = file

    def release(self) -> None:
        """Let go, where it is taken."""
        file, self._file = self._file, None
        if file is not None:
            portalocker.unlock(file)
            file.close()


@contextmanager
def turn(file: Path) -> Iterator[None]:
    """Wait for the lock on a file, for what is done in a moment."""
    with file.open("a", encoding="utf-8") as opened:
        portalocker.lock(opened, portalocker.LockFlags.EXCLUSIVE)
        try:
            yield
        finally:
            portalocker.unlock(opened)
