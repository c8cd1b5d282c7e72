"""From a filter of Imagora to a condition of Qdrant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from imagora.errors import QueryError
from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range, Scalar

from .dialect import Bound, Condition, Dialect
from .options import FieldType

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_EXACT_FLOATS = 2**53


def key_of(field: str) -> str:
    """Write a metadata key as a JSON path of one step, so that a dot or a space in it means itself."""
    if '"' in field:
        raise QueryError(f"a filter cannot name the field '{field}', for it has a double quote in it", code="IMG-503")
    return field if _PLAIN.fullmatch(field) else f'"{field}"'


def condition_of(condition: Filter, dialect: Dialect, fields: Mapping[str, FieldType]) -> Condition:
    """Translate a filter; `fields` are the types of the indexed fields."""

    def translate(part: Filter) -> Condition:
        match part:
            case And(parts):
                return dialect.every([translate(inner) for inner in parts])
            case Or(parts):
                return _some([translate(inner) for inner in parts], dialect)
            case Not(inner):
                return dialect.neither([translate(inner)])
            case _:
                return _one_field(part, dialect, fields.get(part.field))

    return dialect.every([translate(condition)])


def _one_field(part: Eq | Ne | In | Range, dialect: Dialect, kind: FieldType | None) -> Condition:
    match part:
        case Eq(field, value):
            return _equals(field, value, dialect, kind)
        case Ne(field, value):
            return dialect.neither([_equals(field, value, dialect, kind)])
        case In(field, values):
            return _one_of(field, values, dialect, kind)
        case Range():
            return _within(part, dialect, kind)


def _equals(field: str, value: Scalar, dialect: Dialect, kind: FieldType | None) -> Condition:
    key = key_of(field)
    if isinstance(value, bool):
        return dialect.value(key, value)
    if isinstance(value, int | float):
        if isinstance(value, int) and (kind == "integer" or abs(value) > _EXACT_FLOATS):
            return dialect.value(key, value)
        # A range, because 3 and 3.0 are one number and a match by value tells them apart.
        return dialect.numbers(key, {"gte": value, "lte": value})
    if kind == "text":
        return dialect.words(key, value)
    if kind == "datetime":
        return _moments(field, {"gte": value, "lte": value}, dialect)
    return dialect.value(key, value)


def _one_of(field: str, values: tuple[Scalar, ...], dialect: Dialect, kind: FieldType | None) -> Condition:
    words = [value for value in values if isinstance(value, str)]
    if values and len(words) == len(values) and kind not in ("text", "datetime"):
        return dialect.any_value(key_of(field), words)
    return _some([_equals(field, value, dialect, kind) for value in values], dialect)


def _some(parts: list[Condition], dialect: Dialect) -> Condition:
    # Qdrant takes an empty "should" for "no condition", and one of nothing is nothing.
    return dialect.some(parts) if parts else dialect.ids([])


def _within(condition: Range, dialect: Dialect, kind: FieldType | None) -> Condition:
    said: dict[Bound, Any] = {"gt": condition.gt, "gte": condition.gte, "lt": condition.lt, "lte": condition.lte}
    bounds = {name: bound for name, bound in said.items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return _moments(condition.field, cast("dict[Bound, str]", bounds), dialect)
    if kind == "datetime":
        raise QueryError(f"'{condition.field}' holds moments; give its bounds as ISO 8601, such as '2024-05-01'")
    return dialect.numbers(key_of(condition.field), bounds)


def _moments(field: str, bounds: dict[Bound, str], dialect: Dialect) -> Condition:
    try:
        return dialect.moments(key_of(field), bounds)
    except (ValueError, TypeError) as error:
        said = ", ".join(f"'{bound}'" for bound in bounds.values())
        raise QueryError(
            f"'{field}' holds moments, and {said} is not one; write it as '2024-05-01T12:00:00Z'"
        ) from error
