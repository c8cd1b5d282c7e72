"""Pydantic models of parts that need no check, made as Pydantic makes those that were pickled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
# A model's slots themselves: to look them up by name for each model takes as long as all the rest.
_put_fields, _put_fields_set, _put_extra, _put_private = (
    BaseModel.__dict__[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
_new = object.__new__


def unchecked(kind: type[M], parts: dict[str, Any], fields_set: set[str], private: dict[str, Any] | None = None) -> M:
    """Make a model: `kind(…)` would check all its parts, which takes nine times as long.

    parts: the values of all its fields; the model takes the dictionary for its own. fields_set: those that are not as
    they usually are. private: the values of its private attributes; None where it has none.
    """
    made = _new(kind)
    _put_fields(made, parts)
    _put_fields_set(made, fields_set)
    _put_extra(made, None)
    _put_private(made, private)
    return made


def like(one: M) -> Callable[..., M]:
    """Give what makes models like one that Pydantic checked, of fields that need no check: an answer has sixty.

    It is called with the fields that are another one's. Empty lists and dictionaries each model has for its own.
    """
    kind, parts, fields_set, private = type(one), dict(vars(one)), set(one.model_fields_set), one.__pydantic_private__
    own = [(name, type(value)) for name, value in parts.items() if isinstance(value, list | dict)]

    # All that it needs is in the function's own cells: it takes a microsecond, and half of that to look things up.
    def made(**fields: Any) -> M:
        model, held = _new(kind), parts | fields
        for name, empty in own:
            if name not in fields:
                held[name] = empty()
        _put_fields(model, held)
        _put_fields_set(model, fields_set.copy())
        _put_extra(model, None)
        _put_private(model, private)
        return model

    return made
