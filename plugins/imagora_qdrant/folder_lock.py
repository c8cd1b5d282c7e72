"""One process at a time in a generation of a folder.

The engine has a lock of its own, and takes it too late: the attempt to load a shard that another process is writing to
can lose vectors of that process (seen with qdrant-edge-py 0.9). So ours is taken before the engine is asked at all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imagora.errors import IndexInUse

if sys.platform == "win32":
    import portalocker

    def _lock(file: IO[str], *, wait: bool) -> None:
        """Lock a file; BlockingIOError where it is locked and nobody waits."""
        flags = portalocker.LockFlags.EXCLUSIVE
        try:
            portalocker.lock(file, flags if wait else flags | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.LockException as error:
            raise BlockingIOError from error

    def _unlock(file: IO[str]) -> None:
        portalocker.unlock(file)

else:
    # What portalocker calls, without its import: that takes the client of Redis with it where there is one, which is
    # half a second of every command.
    import fcntl

    def _lock(file: IO[str], *, wait: bool) -> None:
        """Lock a file; BlockingIOError where it is locked and nobody waits."""
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


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
            _lock(file, wait=False)
        except BlockingIOError as error:
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
            _unlock(file)
            file.close()


@contextmanager
def turn(file: Path) -> Iterator[None]:
    """Wait for the lock on a file, for what is done in a moment."""
    with file.open("a", encoding="utf-8") as opened:
        _lock(opened, wait=True)
        try:
            yield
        finally:
            _unlock(opened)
