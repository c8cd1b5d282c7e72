"""What lies in the folder of an embedded index.

index, index-2, …       a generation each: imagora.json, which says who made the vectors, content.json, which says
                        what its content is called, and Qdrant's engine
lock, lock-2, …         held by the process that has the generation open
answering.json          which generation answers; generation 1 where the file is not there
answering.lock          held for the moment of a switch or a removal
answering.new           answering.json before it takes its place
unfinished-2-…          a generation while it is made, or what a crash left of it
dropped-2-…             a generation while it is removed, or what a crash left of it
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from imagora.errors import UnusableIndex
from imagora.stages import Identity

from .answering_file import ANSWERING, ANSWERING_NEW, read_answering
from .identities import from_document

INDEX, ABOUT, ENGINE, LOCK, ANSWERING_LOCK = "index", "imagora.json", "engine", "lock", "answering.lock"
_GENERATION = re.compile(r"index(?:-([2-9]|[1-9][0-9]+))?")
_LOCKS = re.compile(r"lock(?:-[0-9]+)?|answering\.lock")
# Before there were generations, what was unfinished had no number.
_UNFINISHED = re.compile(r"unfinished-(?:([0-9]+)-)?[^-]*")
_DROPPED = re.compile(r"dropped-[0-9]+-[0-9a-f]{8}")


def numbered(name: str, generation: int) -> str:
    """Give a generation's own name of its index or its lock; the first one has the bare name."""
    return name if generation == 1 else f"{name}-{generation}"


def unfinished(generation: int) -> str:
    """Give how the folder of a generation's making is called, up to its random end, which has no hyphen."""
    return f"unfinished-{generation}-"


def dropped(generation: int) -> str:
    """Give a new name for the folder of a generation that is being removed."""
    return f"dropped-{generation}-{secrets.token_hex(4)}"


def numbers_in(folder: Path) -> Iterator[int]:
    """Give the numbers of the generations that are there, in no order."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        match = _GENERATION.fullmatch(entry.name)
        if match and (entry / ABOUT).exists():
            yield int(match[1] or 1)


def read_about(folder: Path, generation: int, place: str) -> dict[str, Identity] | None:
    """Give whose vectors a generation holds, None where it is not there."""
    about = folder / numbered(INDEX, generation) / ABOUT
    try:
        document = json.loads(about.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        document = None
    return from_document(document, place)


def refuse_strangers(folder: Path, place: str) -> None:
    """Raise UnusableIndex where there is anything in a folder that no index of ours has in it."""
    if folder.exists() and not folder.is_dir():
        raise UnusableIndex(f"'{place}' is a file, and an index is a folder; name another path")
    others = [entry.name for entry in folder.glob("*") if not _is_ours(entry, place)]
    if others:
        raise UnusableIndex(
            f"the folder '{place}' is no index of imagora and has other files in it, such as '{min(others)}'; name "
            "another path"
        )


def remove_leftovers(folder: Path, generation: int | None = None) -> None:
    """Remove what crashes left: of removals, and of the making of the generation whose lock the caller has."""
    for entry in folder.glob("*"):
        making = _UNFINISHED.fullmatch(entry.name)
        if _DROPPED.fullmatch(entry.name) or (making and int(making[1] or 1) == generation):
            shutil.rmtree(entry, ignore_errors=True)


def _is_ours(entry: Path, place: str) -> bool:
    if entry.name in (ANSWERING, ANSWERING_NEW):
        read_answering(entry.parent, place)
        return True
    if _GENERATION.fullmatch(entry.name):
        return (entry / ABOUT).exists()
    return any(ours.fullmatch(entry.name) for ours in (_LOCKS, _UNFINISHED, _DROPPED))
