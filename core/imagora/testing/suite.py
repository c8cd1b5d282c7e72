"""The contracts of installed plugins, to be run by pytest: `imagora plugin test` runs this module.

A plugin's own contracts stand in the module `contract` of its package. For every component that none of them names, one
is made here: it is built with the defaults of its options, on toys, and what it claims is read off what was built.
IMAGORA_PLUGINS names the plugins that are wanted, with commas; without it all are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import imagora.testing as kit
from imagora.catalog import KINDS, Offer, installed_catalog
from imagora.component import BuildContext, Component
from imagora.options import Options
from imagora.stages import Feed, PictureEmbedder, SparseEmbedder

_CONTRACTS: Mapping[str, Any] = {
    thing.kind: thing for name in kit.__all__ if getattr(thing := getattr(kit, name), "kind", "")
}


def contracts(*wanted: str) -> Iterator[tuple[str, Any]]:
    """Give every contract of the wanted plugins, or of all, with a name of its own."""
    for point in sorted(entry_points(group="imagora"), key=lambda point: point.name):
        if not wanted or point.name in wanted:
            own = list(_own(point.module))
            for name, contract in [*own, *_made(point.name, [each for _, each in own]), _offered(point.module, own)]:
                contract.of_plugin = point.name
                yield f"Test_{point.name}_{name}", contract


def _own(package: str) -> Iterator[tuple[str, Any]]:
    there = getattr(import_module(package), "__path__", None) is not None
    if not there or find_spec(f"{package}.contract") is None:
        return
    pytest.register_assert_rewrite(f"{package}.contract")
    module = import_module(f"{package}.contract")
    for name, thing in vars(module).items():
        if isinstance(thing, type) and hasattr(thing, "kind") and thing.__module__ == module.__name__:
            yield name, thing


def _made(plugin: str, own: list[Any]) -> Iterator[tuple[str, Any]]:
    named = {(each.kind, getattr(each, "component", "") or getattr(each, "command", "")) for each in own}
    for kind in KINDS:
        for offer in installed_catalog().offers(kind):
            if offer.plugin.name == plugin and (kind, offer.component.name) not in named:
                yield f"{kind}_{offer.component.name}", _of(offer)
    for command in installed_catalog().commands():
        point = next(iter(entry_points(group="imagora", name=plugin)))
        if command.app.__module__.split(".")[0] == point.module and ("command", command.name) not in named:
            yield (
                f"command_{command.name.replace(' ', '_')}",
                type("Made", (kit.CommandContract,), {"command": command.name}),
            )


def _of(offer: Offer) -> Any:
    """Make the contract of a component out of what its defaults build."""
    component, contract = offer.component, _CONTRACTS[offer.kind]
    claims: dict[str, Any] = {"component": component.name}
    if missing := offer.missing():
        return _skipped(contract, claims, f"not installed: {', '.join(missing)}; type: {offer.pip_line()}")
    options = _defaults(component)
    if isinstance(options, ValidationError):
        asked = ", ".join(".".join(map(str, one["loc"])) or one["msg"] for one in options.errors())
        return _skipped(contract, claims, f"no default for: {asked}; say `options` in the plugin's module 'contract'")
    if offer.kind in {"index", "ledger"}:
        return type("Made", (contract,), claims)
    try:
        stage = component.build(options, kit.on_toys())
    except Exception:  # a stranger's build function may raise anything: its test says so
        return type("Made", (contract,), claims)
    if isinstance(stage, Feed):
        return _skipped(kit.FeedContract, claims, "a feed needs the fixtures `reopen` and `tell`")
    if offer.kind == "embedder":
        sparse = isinstance(stage, SparseEmbedder)
        claims |= {"sparse": sparse, "pictures": not sparse and isinstance(stage, PictureEmbedder)}
    if offer.kind == "generator":
        claims["streams"] = hasattr(stage, "astream_chat")
    return type("Made", (contract,), claims)


def _defaults(component: Component[Any], **said: Any) -> Any:
    """Give options with what was said, at a path where one is asked for; or the error that says what is missing."""
    place = {"path": Path("contract")} if "path" in component.options.model_fields else {}
    error: Any = None
    for more in ({}, place):
        try:
            return component.options.model_validate({**said, **more})
        except ValidationError as refused:
            error = error or refused
    return error


def _skipped(contract: Any, claims: Mapping[str, Any], reason: str) -> Any:
    return pytest.mark.skip(reason=reason)(type("Made", (contract,), dict(claims)))


def _offered(package: str, own: list[tuple[str, Any]]) -> tuple[str, Any]:
    said = {each.component: each.options for _, each in own if getattr(each, "component", "")}

    class Offered(kit.ComponentContract):
        plugin = package

        @pytest.fixture
        def context(self) -> BuildContext:
            return kit.on_toys()

        def offers(self) -> Iterator[tuple[str, Component[Any]]]:
            """Leave out what cannot be built without a word; its own row says so."""
            fits = [each for each in super().offers() if isinstance(self.options(each[1]), Options)]
            yield from fits

        def options(self, component: Component[Any], **more: Any) -> Any:
            made = _defaults(component, **said.get(component.name, {}), **more)
            if more and isinstance(made, ValidationError):
                raise made
            return made

    return "what it offers", Offered


globals().update(contracts(*filter(None, os.environ.get("IMAGORA_PLUGINS", "").split(","))))
