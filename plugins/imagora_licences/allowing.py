"""Whether an SPDX expression is allowed by a list of ids."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Say whether one may use it: of `A OR B` one must be allowed, of `A AND B` both.

    `A WITH X` is allowed where `A` is, since an exception only adds to what one may do.
    """
    tokens = re.findall(r"\(|\)|[^\s()]+", expression)
    ids = {part.lower() for part in allowed}
    walk = iter([*tokens, ""])
    value, _ = _either(next(walk), walk, ids)
    return value


def _either(token: str, rest: Iterator[str], ids: Collection[str]) -> tuple[bool, str]:
    value, token = _both(token, rest, ids)
    while token.upper() == "OR":
        other, token = _both(next(rest), rest, ids)
        value = value or other
    return value, token


def _both(token: str, rest: Iterator[str], ids: Collection[str]) -> tuple[bool, str]:
    value, token = _one(token, rest, ids)
    while token.upper() == "AND":
        other, token = _one(next(rest), rest, ids)
        value = value and other
    return value, token


def _one(token: str, rest: Iterator[str], ids: Collection[str]) -> tuple[bool, str]:
    if token == "(":  # noqa: S105 - a bracket, not a password
        value, _ = _either(next(rest), rest, ids)
        return value, next(rest)
    following = next(rest)
    if following.upper() == "WITH":
        whole = f"{token} with {next(rest)}".lower()
        return token.lower() in ids or whole in ids, next(rest)
    return token.lower() in ids, following
