"""All that a plan says, defaults included, as plain values that can be compared and printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from imagora.options import NestedComponent, Options
from imagora_recipe.plan import Plan, Planned
from imagora_recipe.tree import MASK, is_secret, masked, without_passwords
from pydantic_core import to_jsonable_python

Said: TypeAlias = "dict[str, Any]"
_LEGS, _PLACES = "embedders", "guardrails"
_LISTS = {"preparers", "rerankers", "wrappers"}
_SECTIONS = (
    *("source", "preparers", _LEGS, "pictures", "index", "ledger", "engine"),
    *("access", "retriever", "rerankers", "prompt", "generator", "answer", _PLACES, "wrappers", "traces"),
)


def said_by(plan: Plan, path: Callable[[Path], str] = lambda path: str(path.absolute())) -> Said:
    """Give every section that a plan has, with all options; keys and passwords are masked, so that they compare equal.

    path: how a path is written; as an absolute one, if nothing else is said.
    """
    said: Said = {}
    for name in _SECTIONS:
        part = getattr(plan, name)
        if name in _LISTS:
            said[name] = [_component(planned, path) for planned in part]
        elif name == _LEGS:
            said[name] = {leg: _component(planned, path) for leg, planned in part.items()}
        elif name == _PLACES:
            said[name] = {
                at: [_component(planned, path) for planned in listed] for at, listed in part.items() if listed
            }
        elif part is not None:
            said[name] = _component(part, path) if isinstance(part, Planned) else _plain(part, path)
    return said


def secrets_of(plan: Plan) -> set[str]:
    """Give the values that must not be printed: keys and passwords, and whatever came from the environment."""
    known = {secret for planned in plan.components() for secret in planned.secrets}
    return {secret for secret in (*known, *(os.environ.get(name, "") for name in plan.environment)) if secret}


def without_secrets(value: Any, secrets: set[str]) -> Any:
    """Give a value as it may be printed."""
    if isinstance(value, Mapping):
        return {key: without_secrets(part, secrets) for key, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part, secrets) for part in value]
    if str(value) in secrets and not isinstance(value, bool | None):
        return MASK
    return masked(value, secrets) if isinstance(value, str) else value


def _component(planned: Planned, path: Callable[[Path], str]) -> Said:
    return {"use": planned.name, **_plain(planned.options, path)}


def _plain(value: Any, path: Callable[[Path], str], name: str = "") -> Any:  # noqa: PLR0911 - one return a kind of value
    if isinstance(value, NestedComponent):
        return {"use": value.name, **_plain(value.options, path)}
    if isinstance(value, Options):
        return {key: _plain(getattr(value, key), path, key) for key in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(part, path, str(key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, path, name) for part in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(part, path, name) for part in value), key=str)
    if hasattr(value, "get_secret_value") or (value is not None and is_secret(name, value)):
        return MASK
    if isinstance(value, Path):
        return path(value)
    plain = to_jsonable_python(value, fallback=str)
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)  # a default of 100 and 100 in a recipe, which is read as 100.0, are the same
    return without_passwords(plain) if isinstance(plain, str) else plain
