"""All that a plan says, defaults included, as plain values that can be compared and printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias

from imagora.options import NestedComponent, Options
from imagora_batching.options import BATCHED_KINDS, KEY, OFF
from imagora_recipe.plan import Plan, Planned
from imagora_recipe.tree import MASK, is_secret, masked, without_passwords
from pydantic_core import to_jsonable_python

Said: TypeAlias = "dict[str, Any]"
_FIRST = (
    *("source", "preparers", "embedders", "pictures", "index", "ledger"),
    *("engine", "access", "retriever", "rerankers"),
)
_NO_SECTIONS = {"name", "file", "profiles", "environment"}


def said_by(plan: Plan, path: Callable[[Path], str] = lambda path: str(path.absolute())) -> Said:
    """Give every section that a plan has, with all options; keys and passwords are masked, so that they compare equal.

    path: how a path is written; as an absolute one, if nothing else is said.
    """
    names = [one.name for one in fields(plan) if one.name not in _NO_SECTIONS]
    said: Said = {}
    for name in dict.fromkeys((*_FIRST, *names)):
        if (part := getattr(plan, name)) is not None:
            said[name] = _plain(part, path)
    said["guardrails"] = {at: listed for at, listed in said["guardrails"].items() if listed}
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


def _process(value: NestedComponent, path: Callable[[Path], str]) -> dict[str, Any]:
    isolation = value.isolation if isinstance(value, Planned) else None
    if isolation is None:
        return {}
    return {"isolate": "process", **({"python": path(isolation.python)} if isolation.python else {})}


def _batching(value: NestedComponent) -> dict[str, Any]:
    if not isinstance(value, Planned) or value.offer.kind not in BATCHED_KINDS:
        return {}
    if value.batching is None:
        return {KEY: OFF}
    # What is not said is the component's to say, and not shown, as its process is not.
    said = value.batching.model_dump(exclude_unset=True)
    return {KEY: said} if said else {}


def _plain(value: Any, path: Callable[[Path], str], name: str = "") -> Any:  # noqa: PLR0911 - one return a kind of value
    if isinstance(value, NestedComponent):
        return {"use": value.name, **_process(value, path), **_batching(value), **_plain(value.options, path)}
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
