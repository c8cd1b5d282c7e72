"""The small file in an embedded index's folder that says which generation answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from imagora.errors import UnusableIndex

from .durable import sync_folder, write_durably

ANSWERING, ANSWERING_NEW = "answering.json", "answering.new"
_FORMAT = 1


@dataclass(frozen=True)
class Answering:
    """The number of the generation that answers, and of the one that did so before the last switch."""

    number: int = 1
    before: int | None = None


def read_answering(folder: Path, place: str) -> Answering:
    """Read which generation answers; the first one where nothing is said."""
    try:
        kept = json.loads((folder / ANSWERING).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return Answering()
    except (OSError, ValueError):
        kept = None
    said: dict[str, Any] = kept if isinstance(kept, dict) else {}
    version, number, before = said.get("imagora"), said.get("number"), said.get("before")
    if isinstance(version, int) and version > _FORMAT:
        raise UnusableIndex(f"the index at '{place}' was made by a newer imagora; install that one")
    if version == _FORMAT and _is_number(number) and (before is None or _is_number(before)):
        return Answering(number, before)
    raise UnusableIndex(
        f"what '{ANSWERING}' in '{place}' says of the generation that answers cannot be read; name another path, or "
        "delete that file to let generation 1 answer"
    )


def write_answering(folder: Path, answering: Answering) -> None:
    """Say which generation answers: whoever reads finds the old word or the new one, also after a crash."""
    kept = {"imagora": _FORMAT, "number": answering.number, "before": answering.before}
    write_durably(folder / ANSWERING_NEW, json.dumps(kept))
    (folder / ANSWERING_NEW).replace(folder / ANSWERING)
    sync_folder(folder)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
