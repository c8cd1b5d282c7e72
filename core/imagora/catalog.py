"""All components that the installed plugins offer, by kind and name."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pluggy

from . import hookspecs
from .api import DECLARATION, Fit, fit_of
from .component import Command, Component
from .errors import PluginError, did_you_mean

KINDS = (
    *("source", "preparer", "embedder", "index", "ledger", "engine"),
    *("retriever", "reranker", "generator", "guardrail", "wrapper", "tracer"),
)
_PLURALS = {"index": "indexes"}


@dataclass(frozen=True)
class Plugin:
    """An import package that was found: the entry point's name, its distribution, and why it failed if it did.

    fit: whether it fits this API, None where it could not be loaded. seconds: how long its import took.
    """

    name: str
    distribution: str
    version: str
    error: str | None = None
    fit: Fit | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        return f"'{self.name}' of {self.distribution} {self.version}"


@dataclass(frozen=True)
class Offer:
    """A component, its kind, and the plugin that offers it."""

    kind: str
    component: Component[Any]
    plugin: Plugin

    def missing(self) -> tuple[str, ...]:
        """Name the import packages that the component needs and that are not installed; imports nothing."""
        return tuple(package for package in self.component.requires if not _is_there(package))

    def pip_line(self) -> str:
        """Give what to type to install what the component needs."""
        extra = f"[{self.component.extra}]" if self.component.extra else ""
        return f"pip install '{self.plugin.distribution}{extra}'"


class Catalog:
    """The components of the plugins it was given; a hook is called when its kind is first asked for.

    plugins: every plugin that was found, failed ones with their reason, so that a command can go on without them.
    """

    def __init__(self, entries: Iterable[tuple[Plugin, Callable[[], object]]]) -> None:
        self._hooks = pluggy.PluginManager("imagora")
        self._hooks.add_hookspecs(hookspecs)
        self._plugins: dict[str, Plugin] = {}
        self._clashing: list[Plugin] = []
        for plugin, load in entries:
            first = self._plugins.get(plugin.name)
            if first is None:
                self._plugins[plugin.name] = self._register(plugin, load)
            else:
                what = f"the plugin {first} has the same name; uninstall one of them"
                self._clashing.append(replace(plugin, error=what))
        self._offers: dict[str, dict[str, list[Offer]]] = {}

    @classmethod
    def installed(cls) -> Catalog:
        """Load every plugin with an entry point in the group `imagora`, one by one."""
        found = sorted(entry_points(group="imagora"), key=lambda point: point.name)
        return cls((_described(point), point.load) for point in found)

    @classmethod
    def of(cls, *modules: object) -> Catalog:
        """Make a catalog of modules that are not installed, for tests and for trying a plugin out."""
        named = [(Plugin(getattr(module, "__name__", "plugin"), "not installed", "0"), module) for module in modules]
        return cls((plugin, lambda module=module: module) for plugin, module in named)  # type: ignore[misc]  # mypy drops defaults in lambdas

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin that was found, in order of name."""
        return (*self._plugins.values(), *self._clashing)

    @property
    def failed(self) -> tuple[Plugin, ...]:
        """The plugins that could not be loaded or whose hooks failed, each with its error."""
        return tuple(plugin for plugin in self.plugins if plugin.error)

    def offers(self, kind: str) -> Sequence[Offer]:
        """Give all offers of a kind in order of name; a name offered twice comes twice."""
        return [offer for _, offers in sorted(self._of_kind(kind).items()) for offer in offers]

    def get(self, kind: str, name: str) -> Offer:
        """Give the one component of that kind and name; raise PluginError saying what there is otherwise."""
        offers = self._of_kind(kind).get(name, [])
        if len(offers) > 1:
            plugins = " and ".join(str(offer.plugin) for offer in offers)
            raise PluginError(
                f"two plugins offer a {kind} called '{name}': {plugins}; uninstall one of them", code="IMG-402"
            )
        if not offers:
            failed = "".join(f"; the plugin {plugin} failed to load: {plugin.error}" for plugin in self.failed)
            what = f"there is no {kind} called '{name}'{did_you_mean(name, self._of_kind(kind))}{failed}"
            raise PluginError(what, code="IMG-305")
        return offers[0]

    def commands(self) -> list[Command]:
        """Give the commands that plugins offer, in order of name."""
        commands = [command for _, offered in self._call("offer_commands") for command in offered]
        return sorted(commands, key=lambda command: command.name)

    def _of_kind(self, kind: str) -> dict[str, list[Offer]]:
        if kind not in self._offers:
            offers: dict[str, list[Offer]] = {}
            for plugin, components in self._call("offer_" + _PLURALS.get(kind, kind + "s")):
                for component in components:
                    offers.setdefault(component.name, []).append(Offer(kind, component, plugin))
            self._offers[kind] = offers
        return self._offers[kind]

    def _call(self, hook: str) -> Iterable[tuple[Plugin, list[Any]]]:
        # One call a plugin, not one for all: a plugin that fails is named, and the others still answer.
        for implementation in getattr(self._hooks.hook, hook).get_hookimpls():
            plugin = self._plugins[implementation.plugin_name]
            try:
                offered = list(implementation.function())
                kind = Command if hook == "offer_commands" else Component
                if wrong := [thing for thing in offered if not isinstance(thing, kind)]:
                    raise TypeError(f"{hook} gives {kind.__name__}s, and {wrong[0]!r:.80} is none")
            except (Exception, SystemExit) as error:  # a stranger's code may raise anything
                self._plugins[plugin.name] = _failed(plugin, error)
                continue
            yield plugin, offered

    def _register(self, plugin: Plugin, load: Callable[[], object]) -> Plugin:
        try:
            started = time.perf_counter()
            module = load()
            seconds, fit = time.perf_counter() - started, fit_of(getattr(module, DECLARATION, None))
            plugin = replace(plugin, seconds=seconds, fit=fit)
            if fit.state == "refused":
                return replace(plugin, error=fit.why)
            self._hooks.register(module, plugin.name)
            self._hooks.check_pending()
        except (Exception, SystemExit) as error:  # a stranger's import may raise anything
            self._hooks.unregister(name=plugin.name) if self._hooks.has_plugin(plugin.name) else None
            return _failed(plugin, error)
        return plugin


@cache
def installed_catalog() -> Catalog:
    """Give the catalog of this process; plugins are installed before it starts, so it is made once."""
    return Catalog.installed()


def _is_there(package: str) -> bool:
    top, *below = package.split(".")
    try:
        found = find_spec(top)
    except (ImportError, ValueError):  # of modules made by hand
        found = None
    if found is None or not below:
        return found is not None or sys.modules.get(package) is not None  # None there: it must not be imported
    # Looked up by hand: to find "a.b", find_spec imports a.
    places = [Path(folder, *below) for folder in found.submodule_search_locations or ()]
    return any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)


def _described(point: EntryPoint) -> Plugin:
    return Plugin(point.name, *(_name_and_version(point.dist) if point.dist else ("?", "?")))


@cache
def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    # Once a distribution, not once an entry point: each look at its metadata parses the whole file.
    metadata = distribution.metadata
    return str(metadata["Name"] or "?"), str(metadata["Version"] or "?")


def _failed(plugin: Plugin, error: BaseException) -> Plugin:
    return replace(plugin, error=f"{type(error).__name__}: {error}")
