"""Faulty offers: one fault each, and the test that must find it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from imagora import Component, Options, hookimpl
from imagora import testing as t
from pydantic import ConfigDict, Field
from toy_stages import ToyCounter, ToyShout


class Bare(Options):
    size: int = 3


class Loose(Options):
    model_config = ConfigDict(extra="ignore")
    size: int = Field(3, description="a number")


def _reads_weights(options: Any, context: Any) -> Any:
    Path(__file__).with_suffix(".safetensors").open("a").close()
    Path(__file__).with_suffix(".safetensors").unlink()
    return ToyCounter("")


def _plugin(name: str, *components: Component[Any]) -> str:
    plugin: Any = SimpleNamespace(__name__=name, offer_wrappers=hookimpl(lambda: list(components)))
    plugin.offer_wrappers.__name__ = "offer_wrappers"
    sys.modules[name] = plugin
    return name


class FaultyName(t.ComponentContract):
    """Its name could not be written in a recipe."""

    fails = "test_names_and_summaries_are_fit_to_print"
    plugin = _plugin("faulty_name", Component("Toy-Counter", "counts", Options, lambda o, c: ToyCounter("")))


class FaultyBareOption(t.ComponentContract):
    """An option has no description."""

    fails = "test_options_are_described_and_unknown_ones_refused"
    plugin = _plugin("faulty_bare", Component("toy", "counts", Bare, lambda o, c: ToyCounter("")))


class FaultyLooseOptions(t.ComponentContract):
    """A mistyped option is taken without a word."""

    fails = "test_options_are_described_and_unknown_ones_refused"
    plugin = _plugin("faulty_loose", Component("toy", "counts", Loose, lambda o, c: ToyCounter("")))


class FaultyHeavy(t.ComponentContract):
    """Listing the plugin imports numpy and LlamaIndex."""

    fails = "test_importing_and_offering_is_light"
    plugin = "toy_embedders"


class FaultyEager(t.ComponentContract):
    """The build function reads weights, so that checking a recipe loads a model."""

    fails = "test_building_reads_no_weights_and_opens_no_connection"
    plugin = _plugin("faulty_eager", Component("toy", "counts", Options, _reads_weights))


class FaultyKind(t.ComponentContract):
    """A preparer is offered as a wrapper."""

    fails = "test_building_reads_no_weights_and_opens_no_connection"
    plugin = _plugin("faulty_kind", Component("toy", "counts", Options, lambda o, c: ToyShout("")))
