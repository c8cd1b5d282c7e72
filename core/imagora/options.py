"""The options of a component: a small typed model, checked where the recipe says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo


class Options(BaseModel):
    """The options of a component; every field has a type and a description, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def _beside_the_recipe(value: object, info: ValidationInfo) -> object:
    folders = (info.context or {}).get("folders", {})
    if isinstance(value, str | Path):
        return Path(folders.get(info.field_name, "."), Path(value).expanduser())
    return value


RecipePath = Annotated[Path, BeforeValidator(_beside_the_recipe)]
"""A path option; a relative one is beside the recipe file that says it (for shipped recipes: in the working folder)."""
