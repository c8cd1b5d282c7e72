"""A merged recipe as YAML again, each value with the file and line it came from, secrets masked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from .extends import read_merged
from .tree import MASK, Value, is_secret, without_passwords

_VARIABLE = re.compile(r"\$\{\w+\}")
_PLAIN = re.compile(r"(?:[A-Za-z_/]|\.(?=[A-Za-z/.]))[\w./-]*( [\w./-]+)*")
_NOT_WORDS = {"true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan"}
COLUMN = 56


def show(recipe: str | Path) -> str:
    """Give the YAML text of a recipe with all that it extends; values from the environment stay names."""
    return "\n".join(_aligned(line, place) for line, place in _lines(read_merged(recipe), 0, masked=False))


def _lines(value: Value, depth: int, *, masked: bool) -> Iterator[tuple[str, str]]:
    indent = "  " * depth
    if isinstance(value.data, dict):
        for name, part in value.data.items():
            if depth == 0 and name == "extends":
                continue  # what it brought is below
            yield from _entry(f"{indent}{_word(name)}:", part, depth, masked=masked or is_secret(name, part.data))
    elif isinstance(value.data, list):
        for part in value.data:
            yield from _entry(f"{indent}-", part, depth, masked=masked)


def _entry(head: str, part: Value, depth: int, *, masked: bool) -> Iterator[tuple[str, str]]:
    place = f"{_short(part.mark.file)}:{part.mark.line}"
    if isinstance(part.data, dict | list) and part.data:
        yield head, ""
        yield from _lines(part, depth + 1, masked=masked)
    else:
        yield f"{head} {_scalar(part, masked=masked)}", place


def _scalar(value: Value, *, masked: bool) -> str:
    data = value.data
    if isinstance(data, str) and _VARIABLE.fullmatch(data):
        return json.dumps(data)
    if masked and isinstance(data, str | int | float):
        return f'"{MASK}"'
    if isinstance(data, str):
        return _word(without_passwords(data))
    if isinstance(data, float) and not math.isfinite(data):
        return ".nan" if math.isnan(data) else f"{'-' * (data < 0)}.inf"
    return json.dumps(data.__class__() if isinstance(data, dict | list) else data)


def _word(text: str) -> str:
    # In quotes where YAML would read something else, and with escapes for what would move a terminal's cursor.
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _aligned(line: str, place: str) -> str:
    return f"{line:<{COLUMN}}  # {place}" if place else line


def _short(file: str) -> str:
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
