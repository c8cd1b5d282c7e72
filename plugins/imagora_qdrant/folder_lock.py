"""One process at a time in a folder.

The engine has a lock of its own, and takes it too late: the attempt to load a shard that another process is writing to
can lose vectors of that process (seen with qdrant-edge-py 0.9). So ours is taken before the engine is asked at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import portalocker
from imagora.errors import IndexInUse


class FolderLock:
    """A lock on a file in the folder; the system lets go of it when the process ends, however it ends."""

    def __init__(self, file: Path) -> None:
        self._path = file
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
                f"the index at '{self._path.parent}' is in use by another process, and an embedded index takes one at "
                "a time; end the other one, or use a server by 'url'"
            ) from error
        self._file = file

    def release(self) -> None:
        """Let go, where it is taken."""
        file, self._file = self._file, None
        if file is not None:
            portalocker.unlock(file)
            file.close()
