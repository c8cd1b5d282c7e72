"""What goes to a worker and what comes back: changes whose pictures can travel, and what became of them."""

from __future__ import annotations

import pickle
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from imagora.errors import ImagoraError, PictureError, SourceError, StageError
from imagora.item import PICTURE, Deleted
from imagora.runner import Change, Made
from imagora.stages import Entry

Result: TypeAlias = tuple[Entry | None, str, bytes]
"""What a worker says of a change: its entry or why there is none, and its thumbnail."""
MOST_BYTES = 64_000_000  # the decoder takes no more: one byte over it lets it say so itself


def sendable(change: Change, *, read_files: bool) -> Change | Made:
    """Give the change with a picture that can be sent to another process, or the refusal that reading it led to."""
    item = change.item
    if isinstance(item, Deleted):
        return change
    picture = item.picture
    try:
        if callable(picture):
            picture = picture()
        elif isinstance(picture, Path) and read_files:
            picture = _read(picture)
    except SourceError:
        raise  # not this item's fault: what gets its bytes is gone
    except ImagoraError as error:
        return Made(change, refusal=str(error))
    except Exception as error:  # a stranger's function may raise anything, and one item must not stop the rest
        return Made(change, refusal=f"{type(error).__name__}: {error}")
    return replace(change, item=replace(item, picture=picture, metadata=dict(item.metadata)))


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would let us wait for ever
            raise PictureError("it is not a regular file")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PictureError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None


@dataclass(frozen=True)
class Sent:
    """A batch that is on its way: all its changes as they came, and those that needed no worker."""

    changes: Sequence[Change]
    refused: dict[int, Made]

    def joined(self, results: Sequence[Result]) -> list[Made]:
        """Give what became of every change, with what the worker says of those that it got."""
        said = iter(results)
        return [self.refused.get(place) or _made(change, *next(said)) for place, change in enumerate(self.changes)]


def _made(change: Change, entry: Entry | None, refusal: str, thumbnail: bytes) -> Made:
    picture = None if isinstance(change.item, Deleted) else change.item.picture
    if entry and isinstance(picture, Path):  # the worker may have got its bytes, and not known where it is
        entry = replace(entry, payload={**entry.payload, PICTURE: str(picture)})
    return Made(change, entry, refusal, thumbnail)


def packed_results(made: Sequence[Made]) -> bytes:
    """Pack what a worker made, without the changes, which who sent them still has."""
    return pickle.dumps([(one.entry, one.refusal, one.thumbnail) for one in made], pickle.HIGHEST_PROTOCOL)


def packed_error(error: Exception) -> bytes:
    """Pack an error so that it comes out as what it was; one that cannot travel becomes a StageError of its words."""
    for parts in (error, (type(error), error.args, vars(error))):
        # The second is for those whose __init__ takes something else than what they keep in `args`.
        with suppress(Exception):  # a stranger's class may do anything when it is pickled
            data = pickle.dumps(parts)
            again = _error(pickle.loads(data))  # noqa: S301 - our own bytes
            if type(again) is type(error) and str(again) == str(error):
                return data
    words = str(error) if isinstance(error, ImagoraError) else f"{type(error).__name__}: {error}"
    return pickle.dumps(StageError(words))


def _error(parts: Any) -> Exception | None:
    if isinstance(parts, Exception):
        return parts
    if not isinstance(parts, tuple):
        return None
    kind, args, attributes = parts
    error: Exception = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error


def unpacked(data: bytes) -> list[Result]:
    """Give a worker's results, or raise the error that it packed."""
    got: Any = pickle.loads(data)  # noqa: S301 - from our own worker
    if error := _error(got):
        raise error
    return list(got)
