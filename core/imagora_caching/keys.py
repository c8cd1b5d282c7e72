"""What a key holds: everything that made the value. What cannot be told in a key is not kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from imagora import Picture, Principal, Query, __version__
from imagora.stages import Scope

from .levels import Level

FORMAT = 1
"""Changes whenever a value of before would be read in another way."""
Parts: TypeAlias = Mapping[str, Any]
"""What a key holds, by names and as JSON values, as `plain` gives them."""
_NO_MATTER = {Query: {"principal", "fresh"}, Principal: {"user"}}
"""Fields that change no value: the principal is a part of its own, and its user is for records only."""
_MODE = slice(24, 26)
"""Where a PNG says its depth and its kind of colour."""


class Untold(Exception):
    """Something that made a value cannot be told in a key."""


def plain(value: Any) -> Any:  # noqa: PLR0911 - one return a kind of value
    """Give a value as JSON values from which no other value could have come; raise Untold for a stranger's."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return {"bytes": sha256(value).hexdigest()}
    if isinstance(value, Picture):
        content = [sha256(value.png).hexdigest(), value.width, value.height, value.png[_MODE].hex()]
        return {"picture": content, "sha256": value.sha256}
    kind: Any = type(value)
    if (names := _fields_of(kind)) is not None:
        return {"a": kind.__name__, **{name: plain(getattr(value, name)) for name in names}}
    if isinstance(value, Mapping):
        return {"map": sorted(([plain(key), plain(part)] for key, part in value.items()), key=_said)}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted((plain(part) for part in value), key=_said)}
    if isinstance(value, Path):
        return {"path": str(value)}
    raise Untold(f"a {type(value).__name__} cannot be told in a key")


@cache
def _fields_of(kind: type) -> tuple[str, ...] | None:
    """Give the fields of a dataclass that matter; None for another type."""
    if not is_dataclass(kind):
        return None
    return tuple(one.name for one in fields(kind) if one.name not in _NO_MATTER.get(kind, ()))


def key_of(level: Level, parts: Parts) -> str:
    """Give the key of a value: its level, and a hash of all that made it."""
    return f"imagora:{level}:{_hash([FORMAT, __version__, level, parts])}"


def digest(value: Any) -> str:
    """Give a hash of a value."""
    return _hash(plain(value))


def who(query: Query) -> Any:
    """Say for whom: those of one tenant and of the same groups see the same."""
    principal = query.principal
    if principal is None:
        return None
    return {**plain(principal), "groups": sorted(set(principal.groups))}


def asked(query: Query) -> Any:
    """Say what was asked: words, pictures by all their bytes, filter, negative parts, weights, session and the rest."""
    return plain(query)


def judged(scope: Scope, verdicts: Any) -> Any:
    """Say what the guardrails made of the query."""
    return plain([verdicts, scope.withheld])


def _hash(told: Any) -> str:
    try:
        return sha256(_said(told).encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise Untold(str(error)) from error


_said = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
