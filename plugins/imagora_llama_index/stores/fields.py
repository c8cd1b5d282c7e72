"""From a payload to the rows that a filter looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float
Kind: TypeAlias = str
"""`s` for words, `l` for the hash of long ones, `n` for numbers, `b` for truth values."""

_LONG = 200
_MOST = 2**63


def kept_as(value: Any) -> tuple[Kind, Value] | None:
    """Give a value as it is kept and compared, None for what no filter can ask for."""
    if isinstance(value, bool):
        return "b", int(value)
    if isinstance(value, int):
        return "n", value if -_MOST <= value < _MOST else float(value)
    if isinstance(value, float):
        return "n", value
    if not isinstance(value, str):
        return None
    read = value.encode("utf-8", "surrogatepass")
    if len(value) > _LONG or not value.isprintable():  # half a character, say, is nothing that SQLite takes as text
        return "l", hashlib.sha256(read).hexdigest()
    return "s", value


def key_of(field: str) -> str:
    """Give a field's name as it is kept."""
    kept = kept_as(field)
    return field if kept and kept[0] == "s" else f"\n{kept and kept[1]}"


def rows_of(payload: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Value]]:
    """Give every value of a payload that a filter can ask for, members of lists each on its own."""
    for field, value in payload.items():
        for member in value if isinstance(value, list | tuple) else (value,):
            if (kept := kept_as(member)) is not None and kept[1] == kept[1]:
                yield key_of(field), *kept
