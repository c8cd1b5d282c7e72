"""What a plugin offers: a name, a checked options model and a build function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .health import Check
    from .options import NestedComponent, Options
    from .stages import Embedder, Generator, Index

OptionsT = TypeVar("OptionsT", bound="Options")


@dataclass(frozen=True)
class BuildContext:
    """What a build function may use besides its options: the stages that were built before it.

    embedders: by leg ("image", "text", "sparse"). generator: for preparers. None where the recipe has none.
    built: the embedders that there are until now, so that equal ones are one stage.
    """

    recipe: str
    embedders: Mapping[str, Embedder] = field(default_factory=dict)
    index: Index | None = None
    generator: Generator | None = None
    built: list[tuple[NestedComponent, Embedder]] = field(default_factory=list, repr=False, compare=False)

    def build(self, component: NestedComponent) -> Any:
        """Build a component that stands within the options; it may use what this one may."""
        from .assembly import build

        return build(component, self)


@dataclass(frozen=True)
class Model:
    """A model that a component uses, for `imagora doctor` and `imagora licences`; nobody loads it for that.

    files: gives where it is read from; empty for one that runs elsewhere; raises an ImagoraError where it is not there.
    distribution: the one that ships it. licence: its SPDX expression where that is known, and `licence_by`, from what;
    left empty, the distribution's metadata and the model's own card are read.
    """

    name: str
    files: Callable[[], Iterable[Path]] = tuple
    distribution: str = ""
    licence: str = ""
    licence_by: str = ""


@dataclass(frozen=True)
class Component(Generic[OptionsT]):
    """One thing that a recipe can name with `use:`; its kind is the kind of the hook that offered it.

    name: lower case with underscores, as written in recipes. build: cheap; weights and connections come when the
    stage is first used. requires: import packages that must be there, e.g. ("torch", "open_clip"). extra: the
    distribution's extra that brings them, for the pip line in the error when one is missing. about: plainly what it is
    and what it is not, for `--explain`. models, checks: of its options, for `imagora licences` and `imagora doctor`.
    """

    name: str
    summary: str
    options: type[OptionsT]
    build: Callable[[OptionsT, BuildContext], Any]
    requires: tuple[str, ...] = ()
    extra: str | None = None
    about: str = ""
    models: Callable[[OptionsT], Iterable[Model]] | None = None
    checks: Callable[[OptionsT], Iterable[Check]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What commands of this process look at stays here: it may be a lambda, which no other process could be sent.
        return {**self.__dict__, "models": None, "checks": None}


@dataclass(frozen=True)
class Command:
    """A command for the command line: `app` gives a typer app, called only when the command runs or shows help.

    name: as it is typed after `imagora`; `recipe NAME` and `index NAME` stand in these groups.
    """

    name: str
    summary: str
    app: Callable[[], Any]
