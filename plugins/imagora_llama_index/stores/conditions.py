"""From a filter of Imagora to a condition of SQL over the catalogue's entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagora.errors import QueryError
from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range

from .fields import kept_as, key_of

_MOST_VALUES = 30_000
_DEEPEST = 200
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Condition:
    """A condition on `number`, and the values of its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


EVERYTHING = Condition("1")
"""What all entries pass."""


def condition_of(wanted: Filter) -> Condition:
    """Translate a filter; QueryError where it is too large or compares what has no order."""
    made = _translated(wanted, 0)
    if len(made.values) > _MOST_VALUES:
        raise QueryError(
            f"a filter has room for {_MOST_VALUES:,} names and values, and this one has more", code="IMG-503"
        )
    return made


def _translated(part: Filter, depth: int) -> Condition:  # noqa: PLR0911 - one return a kind of condition
    if depth > _DEEPEST:
        raise QueryError(f"a filter can be {_DEEPEST} parts deep, and this one is deeper", code="IMG-503")
    match part:
        case And(parts):
            return _joined([_translated(inner, depth + 1) for inner in parts], "AND", "1")
        case Or(parts):
            return _joined([_translated(inner, depth + 1) for inner in parts], "OR", "0")
        case Not(inner):
            return _not(_translated(inner, depth + 1))
        case Ne(field, value):
            return _not(_one_of(field, (value,)))
        case Eq(field, value):
            return _one_of(field, (value,))
        case In(field, values):
            return _one_of(field, values)
        case Range():
            return _within(part)


def _not(condition: Condition) -> Condition:
    return Condition(f"NOT {condition.sql}", condition.values)


def _joined(parts: Sequence[Condition], word: str, nothing: str) -> Condition:
    """Join as a balanced tree, since SQLite refuses a deep one."""
    if not parts:
        return Condition(nothing)
    if len(parts) == 1:
        return parts[0]
    left, right = (_joined(half, word, nothing) for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]))
    return Condition(f"({left.sql} {word} {right.sql})", (*left.values, *right.values))


def _one_of(field: str, values: Sequence[Any]) -> Condition:
    kinds: dict[str, list[Any]] = {}
    for value in values:
        if (kept := kept_as(value)) is not None:
            kinds.setdefault(kept[0], []).append(kept[1])
    parts = [
        _fields(field, kind, f"value IN ({','.join('?' * len(those))})", tuple(those)) for kind, those in kinds.items()
    ]
    return _joined(parts, "OR", "0")


def _within(part: Range) -> Condition:
    said = {name: getattr(part, name) for name in _SIGNS}
    bounds = {name: bound for name, bound in said.items() if bound is not None}
    for bound in bounds.values():
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise QueryError(
                f"bounds are numbers in this index, and '{bound}' of '{part.field}' is none", code="IMG-503"
            )
    compared = " AND ".join(f"value {_SIGNS[name]} ?" for name in bounds) or "1"
    return _fields(part.field, "n", compared, tuple(kept[1] for b in bounds.values() if (kept := kept_as(b))))


def _fields(field: str, kind: str, compared: str, values: tuple[Any, ...]) -> Condition:
    sql = f"number IN (SELECT number FROM fields WHERE field = ? AND kind = ? AND {compared})"
    return Condition(sql, (key_of(field), kind, *values))
