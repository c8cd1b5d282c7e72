"""The chain of an audit: each line has the hash of the one before, and what is wrong with a chain can be said by line.

A line is JSON with its keys in order and nothing between them: `before` is the hash of the line before, `hash` that of
the line itself without this key; SHA-256, or HMAC-SHA-256 where there is a key. Beside the file, `.head` has the number
and the hash of the last line, so that lines that are cut off at the end are missed too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BEGINNING = "0" * 64
"""What the first line of all has as `before`."""
MOST_MISSING = 1_000_000
"""Missing lines up to which each is looked for elsewhere in the chain."""
_HEAD_PARTS = 3


def hash_of(said: bytes, key: bytes | None) -> str:
    """Hash bytes, with the key where there is one."""
    return (hmac.new(key, said, hashlib.sha256) if key else hashlib.sha256(said)).hexdigest()


def written(entry: Mapping[str, Any]) -> bytes:
    """Write an entry as the one line that it can be."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def sealed(entry: Mapping[str, Any], number: int, before: str, key: bytes | None) -> tuple[bytes, str]:
    """Give an entry as a line of the chain, and its hash."""
    whole = {**entry, "n": number, "before": before}
    hash_ = hash_of(written(whole), key)
    return written({**whole, "hash": hash_}) + b"\n", hash_


def head(number: int, hash_: str, key: bytes | None) -> bytes:
    """Write the head: always as long, so that it is overwritten whole."""
    said = f"{number:020d} {hash_}"
    return f"{said} {hash_of(said.encode(), key)}\n".encode()


def head_of(said: bytes, key: bytes | None) -> tuple[int, str] | None:
    """Read the head; None where there is none, or it was changed."""
    parts = said.decode("ascii", "replace").split()
    if len(parts) != _HEAD_PARTS or not parts[0].isdecimal() or head(int(parts[0]), parts[1], key) != said:
        return None
    return int(parts[0]), parts[1]


@dataclass(frozen=True)
class Line:
    """A line that could be read: its place in a file, and what it says."""

    place: str
    number: int
    before: str
    hash: str
    fits: bool


@dataclass
class Verdict:
    """What was found of a chain. wrong: a sentence each, with the place; last: the number and the hash of its end."""

    lines: int = 0
    wrong: list[str] = field(default_factory=list)
    last: tuple[int, str] = (0, BEGINNING)


def line_of(said: bytes, place: str, key: bytes | None) -> Line | None:
    """Read a line; None where it is none of an audit."""
    try:
        entry = json.loads(said)
        number, before, hash_ = entry["n"], entry["before"], entry.pop("hash")
        fits = hash_ == hash_of(written(entry), key) and written({**entry, "hash": hash_}) == said
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(number, int) or not isinstance(before, str) or not isinstance(hash_, str):
        return None
    return Line(place, number, before, hash_, fits)


def verify(file: Path, key: bytes | None, first: int = 1, reaches: str | None = None) -> Verdict:
    """Look at a chain from its first line, in the full files beside it, to its end.

    first: the number of the first line that is still here. reaches: a hash that the chain must have.
    """
    found, lines, hashes = Verdict(), list[Line](), set[str]()
    for line, place in _lines(files_of(file), key):
        found.lines += 1
        if line is None:
            found.wrong.append(f"{place}: changed: it is no line of an audit")
            continue
        lines.append(line)
        hashes.add(line.hash)
        if not line.fits:
            found.wrong.append(f"{place}: line {line.number} was changed: its hash is another")
    _in_order(lines, first, found)
    _at_its_end(file, key, lines, found)
    if reaches and reaches not in hashes:
        found.wrong.append(f"the chain does not reach {reaches}")
    return found


def _lines(files: Iterable[Path], key: bytes | None) -> Iterator[tuple[Line | None, str]]:
    for file in files:
        with file.open("rb") as opened:
            for at, said in enumerate(opened, start=1):
                place = f"{file.name}:{at}"
                yield line_of(said.removesuffix(b"\n"), place, key), place


def _in_order(lines: Sequence[Line], first: int, found: Verdict) -> None:
    by_number, seen, highest = {line.number: line for line in lines}, set[int](), first - 1
    for line in lines:
        if line.number <= highest:
            what = "is there twice" if line.number in seen else f"is out of order: it stands behind line {highest}"
            found.wrong.append(f"{line.place}: line {line.number} {what}")
        else:
            found.wrong += [f"{line.place}: {what}" for what in _gaps(highest + 1, line.number, set(by_number))]
            highest, found.last = line.number, (line.number, line.hash)
        seen.add(line.number)
        before = by_number.get(line.number - 1)
        follows = BEGINNING if line.number == 1 else before.hash if before else line.before
        if line.fits and follows != line.before and (before is None or before.fits):
            which = before or line
            found.wrong.append(f"{which.place}: line {which.number} was exchanged: what follows it followed another")


def _gaps(start: int, stop: int, there: set[int]) -> Iterator[str]:
    # A number that somebody made up must not take all memory.
    few = stop - start <= MOST_MISSING
    missing = [number for number in range(start, stop) if number not in there] if few else [start, stop - 1]
    if missing:
        named = f"line {missing[0]} is" if len(missing) == 1 else f"lines {missing[0]} to {missing[-1]} are"
        yield f"{named} missing before it"


def _at_its_end(file: Path, key: bytes | None, lines: Sequence[Line], found: Verdict) -> None:
    beside = file.with_name(f"{file.name}.head")
    known = head_of(beside.read_bytes() if beside.exists() else b"", key)
    last = found.last[0]
    if known is None:
        found.wrong.append(f"{beside.name}: it was changed or is not there, so lines may be missing at the end")
    elif known[0] > last:
        named = f"line {known[0]} is" if known[0] == last + 1 else f"lines {last + 1} to {known[0]} are"
        found.wrong.append(f"{file.name}: {named} missing at the end")
    else:  # it may be behind: a crash between the line and the head leaves that
        for line in lines:
            if line.number == known[0] and line.fits and line.hash != known[1]:
                found.wrong.append(f"{line.place}: line {line.number} was exchanged: the head knows another")


def files_of(file: Path) -> list[Path]:
    """Give the files of an audit, the oldest first: those that were full, and the one that is written."""
    full = sorted(file.parent.glob(f"{file.stem}-[0-9]*{file.suffix}"))
    return [*full, *([file] if file.exists() else [])]
