"""Pydantic models of parts that need no check, made as Pydantic makes those that were pickled."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
# A model's slots themselves: to look them up by name for each model takes as long as all the rest.
_put_fields_set, _put_extra, _put_private = (
    BaseModel.__dict__[name].__set__
    for name in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def unchecked(kind: type[M], parts: dict[str, Any], fields_set: set[str], private: dict[str, Any] | None = None) -> M:
    """Make a model: `kind(…)` would check all its parts, which takes nine times as long.

    parts: the values of all its fields, which become its own. fields_set: those that are not as they usually are.
    private: the values of its private attributes; None where it has none.
    """
    made = kind.__new__(kind)
    made.__dict__.update(parts)
    _put_fields_set(made, fields_set)
    _put_extra(made, None)
    _put_private(made, private)
    return made
