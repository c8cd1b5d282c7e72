"""What a plugin offers: a name, a checked options model and a build function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

if TYPE_CHECKING:
    from .stages import Embedder, Index

OptionsT = TypeVar("OptionsT", bound="Options")


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


@dataclass(frozen=True)
class BuildContext:
    """What a build function may use besides its options: the stages that were built before it.

    embedders: by leg ("image", "text", "sparse"); index: None where the recipe has none.
    """

    recipe: str
    embedders: Mapping[str, Embedder] = field(default_factory=dict)
    index: Index | None = None


@dataclass(frozen=True)
class Component(Generic[OptionsT]):
    """One thing that a recipe can name with `use:`; its kind is the kind of the hook that offered it.

    name: lower case with underscores, as written in recipes. build: cheap; weights and connections come when the
    stage is first used. requires: import packages that must be there, e.g. ("torch", "open_clip"). extra: the
    distribution's extra that brings them, for the pip line in the error when one is missing. about: plainly what it is
    and what it is not, for `--explain`.
    """

    name: str
    summary: str
    options: type[OptionsT]
    build: Callable[[OptionsT, BuildContext], Any]
    requires: tuple[str, ...] = ()
    extra: str | None = None
    about: str = ""


@dataclass(frozen=True)
class Command:
    """A command for the command line: `app` gives a typer app, called only when the command runs or shows help."""

    name: str
    summary: str
    app: Callable[[], Any]
