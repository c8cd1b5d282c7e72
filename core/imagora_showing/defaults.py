"""A merged recipe with all that nobody says and the options' models give, for `imagora recipe show --explain`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from imagora.catalog import Catalog
from imagora.errors import PluginError
from imagora.options import Options
from imagora_recipe.components import nested_kind
from imagora_recipe.sections import LISTS, ONE, SETTINGS, USUAL
from imagora_recipe.tree import Value
from pydantic_core import PydanticUndefined, to_jsonable_python

from .show import DEFAULT


def with_defaults(tree: Value, catalog: Catalog) -> Value:
    """Give the tree with the default of every option that it leaves out; what cannot be known is left as it is."""
    filling = _Filling(catalog)
    assert isinstance(tree.data, dict)  # noqa: S101 - a merged recipe is a mapping
    data = dict(tree.data)
    for name, value in tree.data.items():
        if name in ONE:
            data[name] = filling.component(ONE[name], value, USUAL.get(name))
        elif name in LISTS:
            data[name] = filling.components(LISTS[name], value)
        elif name == "embedders":
            data[name] = _each(value, lambda part: filling.component("embedder", part))
        elif name == "guardrails":
            data[name] = _each(value, lambda part: filling.components("guardrail", part))
    for name, model in SETTINGS.items():
        there = data.get(name)
        said = there if there is not None and there.data is not None else Value({}, DEFAULT, DEFAULT, over=there)
        data[name] = filling.options(model, said)
    return replace(tree, data=data)


class _Filling:
    """Fills in the defaults of the components that a catalog offers."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def component(self, kind: str, value: Value, usual: str | None = None) -> Value:
        if not isinstance(value.data, dict):
            return value
        if "use" not in value.data and usual:
            value = replace(value, data={"use": Value(usual, DEFAULT, DEFAULT), **value.data})
        use = value.data.get("use") if isinstance(value.data, dict) else None
        if use is None or not isinstance(use.data, str):
            return value
        try:
            return self.options(self.catalog.get(kind, use.data).component.options, value)
        except PluginError:  # which `imagora recipe check` tells
            return value

    def components(self, kind: str, value: Value) -> Value:
        if not isinstance(value.data, list):
            return value
        return replace(value, data=[self.component(kind, part) for part in value.data])

    def options(self, model: type[Options], value: Value) -> Value:
        if not isinstance(value.data, dict):
            return value
        data = dict(value.data)
        for name, field in model.model_fields.items():
            if name not in data:
                given = _default(field)
                data.update({} if given is None else {name: given})
            elif kind := nested_kind(field.annotation, *field.metadata):
                of_list = isinstance(data[name].data, list)
                data[name] = self.components(kind, data[name]) if of_list else self.component(kind, data[name])
            elif (inner := _model_of(field.annotation)) is not None:
                data[name] = self.options(inner, data[name])
        return replace(value, data=data)


def _each(value: Value, fill: Any) -> Value:
    if not isinstance(value.data, dict):
        return value
    return replace(value, data={name: fill(part) for name, part in value.data.items()})


def _default(field: Any) -> Value | None:
    given = field.get_default(call_default_factory=not field.default_factory_takes_validated_data)
    return None if given is PydanticUndefined else _value_of(to_jsonable_python(given, fallback=str))


def _value_of(thing: Any) -> Value:
    if isinstance(thing, Mapping):
        return Value({str(key): _value_of(part) for key, part in thing.items()}, DEFAULT, DEFAULT)
    if isinstance(thing, list):
        return Value([_value_of(part) for part in thing], DEFAULT, DEFAULT)
    return Value(thing, DEFAULT, DEFAULT)


def _model_of(annotation: Any) -> type[Options] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Options):
            return part
    return None
