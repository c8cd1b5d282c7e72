"""How far the last run came: the cursor's last value, in a JSON file of its own."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

from imagora.errors import SourceError

from .options import PostgresOptions
from .statement import Shape


def read_last(options: PostgresOptions, shape: Shape) -> str | None:
    """Give the cursor's last value; None where there is none, or where it is another query's."""
    assert options.state is not None  # noqa: S101 - the options say that it goes with the cursor
    try:
        kept = json.loads(options.state.read_text("utf-8"))
        last, of = kept["last"], kept["of"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"the state '{options.state}' cannot be read ({type(error).__name__}: {error}); remove it to read every row"
        ) from None
    return str(last) if of == _of(options, shape) else None


def write_last(options: PostgresOptions, shape: Shape, last: str) -> None:
    """Keep the cursor's last value: the whole file or none of it, and on the disk when this returns."""
    assert options.state is not None  # noqa: S101 - the options say that it goes with the cursor
    path = options.state
    kept = {"source": options.name, "last": last, "of": _of(options, shape)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (new := path.with_name(f"{path.name}.new")).open("w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise SourceError(f"the state '{path}' cannot be written: {error.strerror}") from None


def forget_last(options: PostgresOptions) -> None:
    """Let the next run read every row; what was kept is off the disk when this returns."""
    assert options.state is not None  # noqa: S101 - the options say that it goes with the cursor
    try:
        options.state.unlink()
        _sync(options.state.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SourceError(f"the state '{options.state}' cannot be removed: {error.strerror}") from None


def _sync(folder: Path) -> None:
    """Put a folder's list of files on the disk."""
    if hasattr(os, "O_DIRECTORY"):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(opened)
        os.close(opened)


def _of(options: PostgresOptions, shape: Shape) -> str:
    """Hash what the value belongs to: with another query or other columns every row is read again."""
    roles = dict(shape.roles)
    said = [options.name, options.query, roles, dict(shape.types), str(options.folder)]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class Marks:
    """Which cursor value was reached after how many rows; about one in a thousand is kept."""

    EVERY = 1000

    def __init__(self) -> None:
        self._marks: list[tuple[int, str]] = []

    def add(self, given: int, value: str) -> None:
        """Note the value of the row that was given as number `given`."""
        if len(self._marks) > 1 and self._marks[-1][0] - self._marks[-2][0] < self.EVERY:
            self._marks.pop()
        self._marks.append((given, value))

    def upto(self, given: int) -> str | None:
        """Give the last value that is noted for the first `given` rows."""
        return next((value for number, value in reversed(self._marks) if number <= given), None)
