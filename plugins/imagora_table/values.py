"""Values of cells: as metadata can have them, and of the type that the recipe says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from imagora.item import JSONValue

from .options import Type

MOST_VALUES = 1000
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,300}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WANTED = {
    "str": "words",
    "int": "a whole number of at most 64 bits",
    "float": "a number",
    "bool": "true or false",
    "date": "a date like 2026-01-31",
    "list": "a list of words",
}


class Unusable(Exception):
    """A row or a picture cannot be used; the text is the reason."""


def shown(value: object) -> str:
    """Give a value's beginning in quotes, as it can be printed."""
    text = str(value)
    text = text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - as much as tells which it is
    return f"'{text.encode('utf-8', 'backslashreplace').decode()}'"


def is_empty(value: object) -> bool:
    """Say whether a cell has nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip())


def typed(name: str, value: object, kind: Type) -> JSONValue:
    """Give a cell's value as the type that the recipe says; raise Unusable where it is not."""
    found: JSONValue = None
    match kind:
        case "str":
            found = plain(name, value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
            found = None if found is None else str(found)
        case "int":
            found = _integer(value)
        case "float":
            found = _number(value)
        case "bool":
            found = _YES_OR_NO.get(value.strip().lower()) if isinstance(value, str) else _bool(value)
        case "date":
            found = _date(value)
        case "list":
            found = words_of(name, value) if isinstance(value, str | list) else None
    if found is None:
        raise Unusable(f"'{name}' must be {_WANTED[kind]}, and it is {shown(value)}")
    return found


def plain(name: str, value: object) -> JSONValue:
    """Give a value of unknown type as metadata can have it: words, a number, yes or no, or a list of those."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if len(value) > MOST_VALUES:
            raise Unusable(f"'{name}' has more than {MOST_VALUES} values")
        return [_scalar(name, one) for one in value]
    return _scalar(name, value)


def words_of(name: str, value: object) -> list[str]:
    """Give a list of words from a list, or from words with semicolons or commas between them."""
    if isinstance(value, str):
        text = str(_scalar(name, value))
        return [word.strip() for word in text.split(";" if ";" in text else ",") if word.strip()]
    if isinstance(value, Sequence) and len(value) <= MOST_VALUES and not isinstance(value, bytes):
        return [str(_scalar(name, one)) for one in value]
    raise Unusable(f"'{name}' must be {_WANTED['list']}, and it is {shown(value)}")


def _scalar(name: str, value: object) -> str | int | float | bool | None:
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Unusable(
                f"'{name}' has letters that are not valid UTF-8; save the table as UTF-8, or say its encoding"
            )
        return value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Decimal) and value.is_finite():
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal):
        raise Unusable(f"'{name}' is a number that cannot be stored: {shown(value)}")
    kind = "a mapping" if isinstance(value, Mapping) else "a list in a list" if isinstance(value, list) else "no words"
    raise Unusable(f"'{name}' is {kind}, and metadata is flat: words, numbers, yes or no, or a list of those")


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value := value.strip()) else None
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    return None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value := value.strip()) else None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: object) -> str | None:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, date) else None
