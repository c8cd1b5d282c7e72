"""Numbers as people type them: lists with commas, and durations with their unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from imagora.errors import QueryError

N = TypeVar("N", int, float)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def listed(said: str, kind: Callable[[str], N], option: str) -> list[N]:
    """Read `1,2,4`, each above 0; QueryError, with the option's name, for anything else."""
    found = []
    for part in filter(None, map(str.strip, said.split(","))):
        try:
            number = kind(part)
        except ValueError:
            number = kind("0")
        if not 0 < number < 1_000_000:  # noqa: PLR2004 - also no infinity
            raise QueryError(
                f"{option} takes numbers above 0, such as {option} 1,2,4, and '{part}' is none", code="IMG-105"
            )
        found.append(number)
    return found


def seconds(said: str, option: str) -> float:
    """Read `10s`, `500ms`, `2m` or a bare number of seconds; QueryError, with the option's name, for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", said.strip().lower())
    unit = _UNITS.get(match[2] or "s") if match else None
    if match is None or unit is None or not 0 <= (found := float(match[1]) * unit) <= 86_400:  # noqa: PLR2004 - a day
        raise QueryError(f"{option} takes a time such as 10s, 500ms or 2m, and '{said}' is none", code="IMG-105")
    return found
