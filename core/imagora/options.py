"""The options of a component: a small typed model, checked where the recipe says it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema, to_jsonable_python


class Options(BaseModel):
    """The options of a component; every field has a type and a description, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def _beside_the_recipe(value: object, info: ValidationInfo) -> object:
    folders = (info.context or {}).get("folders", {})
    if isinstance(value, str | Path):
        return Path(folders.get(info.field_name, "."), Path(value).expanduser())
    return value


def as_json(value: object) -> Any:
    """Give what options hold as JSON values, secrets left out and paths whole, however the recipe's file was named."""
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    return str(value.absolute()) if isinstance(value, Path) else to_jsonable_python(value, fallback=str)


RecipePath = Annotated[Path, BeforeValidator(_beside_the_recipe)]
"""A path option; a relative one is beside the recipe file that says it (for shipped recipes: in the working folder)."""


@dataclass(frozen=True)
class Costs:
    """Says of an index's option what changing it costs: `batch: Annotated[int, Costs("later")]`.

    later: only how an ingest works. online: only how a query is answered. ingest: the next ingest brings it into the
    index, and embeds nothing for it. re-index, which holds where nothing is said: only a new index has it.
    """

    what: Literal["later", "online", "ingest", "re-index"]


def _is_component(value: object) -> object:
    if not isinstance(value, NestedComponent):
        raise ValueError("must name a component: {use: …}")
    return value


class NestedComponent(ABC):
    """A component within the options of another, checked and not built; `context.build` builds it."""

    options: Options

    @property
    @abstractmethod
    def name(self) -> str:
        """The component's name, as its `use` has it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        said = core_schema.plain_serializer_function_ser_schema(
            lambda nested, info: {"use": nested.name, **nested.options.model_dump(mode=info.mode)}, info_arg=True
        )
        use = core_schema.typed_dict_schema({"use": core_schema.typed_dict_field(core_schema.str_schema())})
        return core_schema.no_info_plain_validator_function(
            _is_component, serialization=said, json_schema_input_schema=use
        )


@dataclass(frozen=True)
class Nested:
    """Says of an option that it is a component of a kind: `of: Annotated[NestedComponent, Nested("embedder")]`.

    The recipe then has `of: {use: …}` there. `NestedComponent | None` and `tuple[NestedComponent, ...]` do, too.
    Options that are made in Python, without a recipe, take the same mappings and the installed plugins.
    """

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(self._planned, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "component": self.kind}  # for `imagora recipe schema`

    def _planned(self, value: object, info: ValidationInfo) -> object:
        if info.context is not None:
            return value  # the recipe's check has done it, with the places of what is wrong
        if isinstance(value, list | tuple):
            return [self._planned(part, info) for part in value]
        if not isinstance(value, Mapping):
            return value
        from imagora_recipe.check import planned

        return planned(self.kind, value)
