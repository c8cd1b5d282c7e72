"""PostgreSQL's values as metadata: words, numbers, yes or no, and lists of those."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any
from uuid import UUID

from imagora.item import JSONValue

from .connecting import NotJSON

MOST_VALUES = 1000
_PRINTED = (UUID, IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
Scalar = str | int | float | bool


class Unusable(Exception):
    """A row cannot be an item; the text is the reason."""


def metadata_of(row: Mapping[str, Any]) -> dict[str, JSONValue]:
    """Give columns as metadata: NULLs are left out, and the keys of a JSON object stand beside the columns."""
    given: dict[str, JSONValue] = {}
    for column, value in row.items():
        parts = value if isinstance(value, dict) else {column: value}
        for key, part in parts.items():
            if key in given or (key != column and key in row):
                raise Unusable(f"'{key}' comes twice: as a column and in a JSON value")
            if (said := _value(key, part)) is not None:
                given[key] = said
    return given


def scalar(key: str, value: object) -> Scalar:
    """Give one value as JSON has it; times as ISO 8601, intervals in seconds."""
    number = _number(key, value)
    if number is not None:
        return number
    if isinstance(value, str):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, _PRINTED):
        return str(value)
    raise Unusable(f"'{key}' is {_kind(value)}, and metadata is flat: words, numbers, yes or no, or a list of those")


def tags_of(value: object) -> list[str]:
    """Give tags from an array, or from words with commas or semicolons between them."""
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(";" if ";" in value else ",") if tag.strip()]
    tags = _value("tags", value)
    if not isinstance(tags, list):
        raise Unusable("its tags must be an array, or words with commas between them")
    return [str(tag) for tag in tags]


def words_of(key: str, value: object) -> str:
    """Give a text or a title, which may be a number."""
    if isinstance(value, list | dict):
        raise Unusable(f"its {key} must be words, and it is {_kind(value)}")
    return str(scalar(key, value))


def _value(key: str, value: object) -> Any:
    if not key or key.startswith("_") or key == "uri":
        raise Unusable(f"'{key}' cannot be a metadata key: keys are words, do not begin with '_', and are not 'uri'")
    if value is None:
        return None
    if isinstance(value, list):
        if len(value) > MOST_VALUES:
            raise Unusable(f"'{key}' has more than {MOST_VALUES} values")
        return [scalar(key, part) for part in value if part is not None]
    return scalar(key, value)


def _number(key: str, value: object) -> Scalar | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        # As far as a float goes; a whole number stays one, so that it can be compared with whole numbers.
        value = int(value) if value == value.to_integral_value() and abs(value) < 2**63 else float(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, int | float | Decimal):
        raise Unusable(f"'{key}' is a number that cannot be stored: {str(value)[:40]}")
    return None


def _kind(value: object) -> str:
    kinds: dict[type[object], str] = {dict: "a JSON object in another value", list: "a list in a list", bytes: "bytes"}
    if isinstance(value, NotJSON):
        return "JSON that is nested too deeply"
    return kinds.get(type(value), f"of the type {type(value).__name__}")
