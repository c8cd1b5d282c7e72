"""The manifest: a row an item, as YAML, JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from .reading import Unusable, decode_text, parse_json, parse_yaml

WORDS = ("picture", "file", "id", "title", "text", "description", "tags")
MOST_BYTES = {".yaml": 2_000_000, ".yml": 2_000_000}
MOST_BYTES_ELSE = 256_000_000
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?")


@dataclass(frozen=True)
class Row:
    """One row: where it is in the manifest, in words, and what it says, or the reason why that cannot be read."""

    where: str
    says: Mapping[str, Any]
    reason: str | None = None


def most_bytes(name: str) -> int:
    """Say how large a manifest may be; YAML is slow to read."""
    return MOST_BYTES.get(PurePath(name).suffix.lower(), MOST_BYTES_ELSE)


def read_rows(name: str, data: bytes) -> list[Row]:
    """Read a manifest's rows; raise Unusable where it cannot be read at all."""
    text = decode_text(data)
    ending = PurePath(name).suffix.lower()
    if ending == ".jsonl":
        return list(_json_lines(text))
    if ending == ".csv":
        return list(_table(text))
    tree = parse_json(text) if ending == ".json" else parse_yaml(text)
    if not isinstance(tree, list):
        raise Unusable("it must be a list with a mapping for each item")
    return [_row(f"row {number}", says) for number, says in enumerate(tree, start=1)]


def _row(where: str, says: object) -> Row:
    if isinstance(says, Mapping):
        return Row(where, says)
    return Row(where, {}, "a row must be a mapping, e.g. 'picture' and 'title' with their values")


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _row(f"line {number}", parse_json(line))
            except Unusable as error:
                yield Row(f"line {number}", {}, str(error))


def _table(text: str) -> Iterator[Row]:
    """Read CSV; a column whose every value is a number (or true or false) has numbers, any other has words."""
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[Row] = []
    try:
        names = reader.fieldnames or []
    except csv.Error as error:
        raise Unusable(f"it is not CSV: {error}") from None
    if len(set(names)) < len(names):
        raise Unusable("two of its columns have the same name")
    while True:
        try:
            says = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            rows.append(Row(f"line {reader.line_num}", {}, f"it is not CSV: {error}"))
            continue
        reason = "it has more values than there are columns" if None in says else None
        values = {key: value for key, value in says.items() if key and isinstance(value, str) and value.strip()}
        rows.append(Row(f"line {reader.line_num}", values, reason))
    types = {
        name: _type_of([row.says[name] for row in rows if name in row.says]) for name in names if name not in WORDS
    }
    for row in rows:
        yield Row(row.where, {key: types.get(key, str)(value) for key, value in row.says.items()}, row.reason)


def _type_of(values: list[str]) -> Any:
    if all(_INTEGER.fullmatch(value) for value in values):
        return int
    if all(_NUMBER.fullmatch(value) for value in values):
        return float
    if all(value in ("true", "false") for value in values):
        return "true".__eq__
    return str
