"""Room on the disk of an embedded index, looked for before it is needed.

The engine writes through memory maps into files with holes: where the disk has no block left for one, the system ends
the whole process (SIGBUS), and no error can be told. So nothing is written unless there is room to spare.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from imagora.errors import UnusableIndex
from imagora.stages import Entry, SparseVector

ROOM = 64_000_000
_COPIES = 4  # the log of writes, the storage, and the indexes over it


def size_of(entries: Sequence[Entry]) -> int:
    """Estimate from above what entries take on the disk, in bytes."""
    numbers = sum(
        3 * len(vector.values) if isinstance(vector, SparseVector) else len(vector)
        for entry in entries
        for vector in entry.vectors.values()
    )
    letters = sum(len(value) for entry in entries for value in entry.payload.values() if isinstance(value, str))
    return _COPIES * (4 * numbers + 4 * letters + 1_000 * len(entries))


def need_room(folder: Path, place: str, size: int = 0) -> None:
    """Raise UnusableIndex where the disk of a folder has no room for so many bytes and some."""
    free, wanted = _free(folder), size + ROOM
    if free < wanted:
        raise UnusableIndex(
            f"the disk of the index at '{place}' is full: it has {free / 1e6:.0f} MB left, and the next step may take "
            f"{wanted / 1e6:.0f} MB; make room, and the same command goes on from there"
        )


def has_room_for_a_copy(folder: Path) -> bool:
    """Say whether a folder's disk has room for all that is in the folder once more."""
    return _free(folder) >= taken(folder) + ROOM


def taken(folder: Path) -> int:
    """Give the bytes that a folder's files take on the disk; their holes take none."""
    return sum(_allocated(file) for file in folder.rglob("*"))


def is_full(folder: Path) -> bool:
    """Say whether a folder's disk has hardly a block left, which may be why something failed."""
    return _free(folder) < ROOM // 64


def _free(folder: Path) -> int:
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def _allocated(file: Path) -> int:
    try:
        status = file.lstat()
    except FileNotFoundError:  # the engine has just removed it
        return 0
    return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
