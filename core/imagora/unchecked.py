"""Pydantic models of parts that need no check, made as Pydantic makes those that were pickled."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

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


class Pattern(Generic[M]):
    """Makes models as Pydantic would, like one that it checked, of fields that need no check: an answer has twenty."""

    def __init__(self, one: M) -> None:
        self._kind, self._held, self._set = type(one), dict(vars(one)), set(one.model_fields_set)
        # Empty lists and dictionaries, of which each model has its own.
        self._own = [(name, type(value)) for name, value in self._held.items() if isinstance(value, list | dict)]
        self._private = one.__pydantic_private__

    def made(self, **fields: Any) -> M:
        """Give one with these fields."""
        held = self._held | fields
        for name, type_ in self._own:
            if name not in fields:
                held[name] = type_()
        made = _new(self._kind)
        _put_fields(made, held)
        _put_fields_set(made, self._set.copy())
        _put_extra(made, None)
        _put_private(made, self._private)
        return made
