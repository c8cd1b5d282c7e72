"""Conditions on metadata as the command line writes them: key=value, key!=value, key=a|b, key<n, key>=n."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from imagora.errors import QueryError
from imagora.filters import And, Eq, Filter, In, Ne, Range, Scalar

_CONDITION = re.compile(r"\s*([^\s=<>!|]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r"""(["'])((?!\1).)*\1""", re.DOTALL)
LARGEST = 2**53
"""Whole numbers from here on are not exact in every index, and stay what they are nearest to."""
_BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def parse_filters(conditions: Sequence[str]) -> Filter | None:
    """Give one filter that holds where all the conditions hold, None for no condition; raise QueryError on nonsense."""
    parts = tuple(_parse(condition) for condition in conditions)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(parts)


def _parse(condition: str) -> Filter:
    match = _CONDITION.fullmatch(condition)
    if match is None or not match[3]:
        what = f"'{condition}' is not a condition; write e.g. category=shoes, price<50 or tags=red|blue"
        raise QueryError(what, code="IMG-503")
    field, sign, value = match[1], match[2], match[3]
    if sign in _BOUNDS:
        number = _scalar(value)
        if isinstance(number, bool | str):
            what = f"'{condition}': only numbers can be compared with '{sign}', and '{value}' is none"
            raise QueryError(what, code="IMG-504")
        return Range(field, **{_BOUNDS[sign]: float(number)})
    if sign == "!=":
        return Ne(field, _scalar(value))
    parts = [value] if _QUOTED.fullmatch(value) else [part.strip() for part in value.split("|")]
    values = tuple(_scalar(part) for part in parts)
    return Eq(field, values[0]) if len(values) == 1 else In(field, values)


def _scalar(text: str) -> Scalar:
    # Quotes keep a number or a truth value a word: size="42".
    if _QUOTED.fullmatch(text):
        return text[1:-1]
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    if number.is_integer() and abs(number) < LARGEST and text.lstrip("+-").isdigit():
        return int(text)
    return number if math.isfinite(number) else text
