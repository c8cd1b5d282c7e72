"""A merged recipe as YAML again, each value with the file and line it came from, secrets masked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagora_recipe.extends import SHIPPED, read_merged
from imagora_recipe.tree import MASK, Mark, Value, is_secret, without_passwords

_VARIABLE = re.compile(r"\$\{\w+\}")
_PLAIN = re.compile(r"(?:[A-Za-z_/]|\.(?=[A-Za-z/.]))[\w./-]*( [\w./-]+)*")
_NOT_WORDS = {"true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan"}
COLUMN = 56
DEFAULT = Mark("default", 0, 0)
"""The place of what nobody says and the options' model gives."""


def show(recipe: str | Path) -> str:
    """Give the YAML text of a recipe with all that it extends; values from the environment stay names."""
    return shown(read_merged(recipe))


def shown(tree: Value, *, explain: bool = False) -> str:
    """Give the YAML text of a merged tree; explain: say of each value also what it stands in the place of."""
    return "\n".join(_aligned(line, place) for line, place in _lines(tree, 0, masked=False, explain=explain))


def listed(tree: Value) -> list[dict[str, Any]]:
    """Give each single value of a merged recipe with its path, who says it, and what it stands in the place of."""
    return list(_listed(tree, "", masked=False))


def _lines(value: Value, depth: int, *, masked: bool, explain: bool) -> Iterator[tuple[str, str]]:
    indent = "  " * depth
    for name, part in _parts(value):
        if depth == 0 and name == "extends":
            continue  # what it brought is below
        hidden = masked or (isinstance(name, str) and is_secret(name, part.data))
        head = f"{indent}-" if isinstance(name, int) else f"{indent}{_word(name)}:"
        if _is_split(part):
            yield head, ""
            yield from _lines(part, depth + 1, masked=hidden, explain=explain)
        else:
            over = "".join(f", over {_place(p)}: {_brief(p, masked=hidden)}" for p in _under(part)) if explain else ""
            yield f"{head} {_brief(part, masked=hidden)}", _place(part) + over


def _listed(value: Value, path: str, *, masked: bool) -> Iterator[dict[str, Any]]:
    for name, part in _parts(value):
        if path == "" and name == "extends":
            continue
        hidden = masked or (isinstance(name, str) and is_secret(name, part.data))
        here = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}".lstrip(".")
        if _is_split(part):
            yield from _listed(part, here, masked=hidden)
        else:
            over = [_said(below, masked=hidden) for below in _under(part)]
            yield {"path": here, **_said(part, masked=hidden), "over": over}


def _is_split(value: Value) -> bool:
    # Into a line for each of its parts; a list of words that nobody says is one line.
    if value.mark == DEFAULT and isinstance(value.data, list):
        return any(isinstance(part.data, dict | list) for part in value.data)
    return isinstance(value.data, dict | list) and bool(value.data)


def _parts(value: Value) -> Iterator[tuple[str | int, Value]]:
    if isinstance(value.data, dict):
        yield from value.data.items()
    elif isinstance(value.data, list):
        yield from enumerate(value.data)


def _under(value: Value) -> Iterator[Value]:
    below = value.over
    while below is not None:
        yield below
        below = below.over


def _said(value: Value, *, masked: bool) -> dict[str, Any]:
    mark = value.mark
    data: Any = value.data
    if isinstance(data, list) and all(not isinstance(part.data, dict | list) for part in data):
        data = [_said(part, masked=masked)["value"] for part in data]
    elif isinstance(data, dict | list):
        data = _brief(value, masked=masked) if data else data
    elif isinstance(data, str) and not _VARIABLE.fullmatch(data):
        data = MASK if masked else without_passwords(data)
    elif masked and isinstance(data, int | float):
        data = MASK
    by = "default" if mark == DEFAULT else "file" if mark.line else "set"
    where = {"file": mark.file, "line": mark.line, "column": mark.column} if by == "file" else {}
    profile = mark.by.removeprefix("profile ") or None
    return {"value": data, "by": by, **where, **({"profile": profile} if profile else {})}


def _brief(value: Value, *, masked: bool) -> str:
    if isinstance(value.data, dict) and value.data:
        use = value.data.get("use")
        said = [f"use: {_scalar(use, masked=False)}"] if use is not None else []
        return f"{{{', '.join([*said, *['…'] * (len(value.data) > len(said))])}}}"
    if isinstance(value.data, list) and value.data:
        return f"[{', '.join(_brief(part, masked=masked) for part in value.data)}]"
    return _scalar(value, masked=masked)


def _place(value: Value) -> str:
    mark = value.mark
    if not mark.line:
        return mark.file
    return f"{_short(mark.file)}:{mark.line}" + (f" ({mark.by})" if mark.by else "")


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
    if path.parent == SHIPPED.resolve():
        return f"shipped/{path.name}"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
