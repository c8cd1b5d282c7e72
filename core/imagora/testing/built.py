"""What every contract starts from: the installed component that is tested, built on toys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from imagora.catalog import Offer, installed_catalog
from imagora.component import BuildContext
from imagora.stages import Embedder, Index

from .golden import fill
from .toy_embedders import ToyColour, ToyWords
from .toy_generator import ToyQuote
from .toy_index import ToyMemory


def on_toys() -> BuildContext:
    """Give what a component may be built on: toy embedders, an index with the golden set in it, a toy generator."""
    embedders: dict[str, Embedder] = {"image": ToyColour(), "text": ToyColour(), "sparse": ToyWords()}
    index: Index = ToyMemory()
    fill(index, embedders)
    return BuildContext("contract", embedders, index, ToyQuote())


class Built:
    """Name an installed component in `component`, and in `options` what a recipe would say of it beside `use`.

    The fixture `stage` is that component, built in the fixture `context`; give others where that is not enough.
    """

    kind: ClassVar[str] = ""
    component: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def context(self) -> BuildContext:
        return on_toys()

    @pytest.fixture
    def stage(self, context: BuildContext) -> Any:
        return self.built(context)

    def offer(self) -> Offer:
        """Give the component as its plugin offers it; skip where a package that it needs is not installed."""
        assert self.component, f"say `component`, or give the fixtures that {type(self).__name__} needs"
        offer = installed_catalog().get(self.kind, self.component)
        if missing := offer.missing():
            pytest.skip(f"not installed: {', '.join(missing)}; type: {offer.pip_line()}")
        return offer

    def built(self, context: BuildContext, **more: Any) -> Any:
        """Build the component with `options` and more of them."""
        component = self.offer().component
        return component.build(component.options.model_validate({**self.options, **more}), context)


class Placed(Built):
    """A contract of what lives at a path: the fixture `make` gives it there, by its option `path`."""

    @pytest.fixture
    def make(self, context: BuildContext) -> Any:
        if "path" not in self.offer().component.options.model_fields:
            pytest.skip(f"'{self.component}' has no option 'path': give the fixture `make`")

        def made(path: Path) -> Any:
            return self.built(context, path=path)

        return made
