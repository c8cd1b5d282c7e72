"""The patterns of `signs.toml`, compiled when the first text comes."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Table = Literal["phrases", "other_scripts", "structure"]
Patterns = tuple[tuple[str, float, re.Pattern[str]], ...]


@cache
def patterns(table: Table) -> Patterns:
    """Give the kinds, weights and patterns of a table."""
    held = _held()
    return tuple(
        (
            sign["kind"],
            sign["weight"],
            re.compile(_filled(sign["pattern"], held["parts"]), re.IGNORECASE | re.MULTILINE),
        )
        for sign in held[table]
    )


@cache
def _held() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "signs.toml").read_text("utf-8"))


def _filled(pattern: str, parts: dict[str, str]) -> str:
    return re.sub(r"<<([a-z]+)>>", lambda match: parts[match[1]], pattern)
