"""The catalog: strangers' plugins may fail in any way, and are named; the others go on."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import toys
from imagora import Command, Component, Options, hookimpl
from imagora.catalog import KINDS, Catalog, Offer, Plugin
from imagora.errors import PluginError


def quote(name: str = "quote") -> Component[Any]:
    return Component(name, "a generator", Options, lambda options, context: None)


def catalog_with(*plugins: tuple[str, Any]) -> Catalog:
    """Make a catalog of the toys and these; an exception for a plugin is raised when it is loaded."""

    def load(thing: Any) -> Callable[[], object]:
        def loaded() -> object:
            if isinstance(thing, BaseException):
                raise thing
            return thing

        return loaded

    named = [("toys", toys), *plugins]
    return Catalog((Plugin(name, f"imagora-{name}", "1.0"), load(thing)) for name, thing in named)


class Fine:
    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        return [quote()]


class Raises:
    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        raise RuntimeError("no luck")


class Leaves:
    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        sys.exit("bye")


class GivesNothing:
    @hookimpl
    def offer_generators(self) -> None:
        return None


class GivesWords:
    @hookimpl
    def offer_generators(self) -> list[str]:
        return ["quote"]


class GivesWordsForCommands:
    @hookimpl
    def offer_commands(self) -> list[str]:
        return ["run"]


class UnknownHook:
    @hookimpl
    def offer_generator(self) -> list[Component[Any]]:
        return [quote()]


class UnknownHookBesideAKnownOne(Fine):
    @hookimpl
    def offer_generatorz(self) -> list[Component[Any]]:
        return []


class WrongSignature:
    @hookimpl
    def offer_generators(self, config: object) -> list[Component[Any]]:
        return [quote()]


FAILING = {
    "import fails": (ImportError("No module named 'torch'"), "ImportError: No module named 'torch'"),
    "import leaves": (SystemExit(3), "SystemExit: 3"),
    "import is not Python": (SyntaxError("invalid syntax"), "SyntaxError: invalid syntax"),
    "an unknown hook": (UnknownHook(), "unknown hook 'offer_generator'"),
    "an unknown hook beside a known one": (UnknownHookBesideAKnownOne(), "unknown hook 'offer_generatorz'"),
    "a wrong signature": (WrongSignature(), "'config'"),
    "a hook that raises": (Raises(), "RuntimeError: no luck"),
    "a hook that leaves": (Leaves(), "SystemExit: bye"),
    "a hook that gives nothing": (GivesNothing(), "TypeError: 'NoneType' object is not iterable"),
    "a hook that gives words": (GivesWords(), "TypeError: offer_generators gives Components, and 'quote' is none"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_plugin_that_fails_is_named_and_the_others_go_on(how: str) -> None:
    plugin, why = FAILING[how]
    catalog = catalog_with(("bad", plugin), ("fine", Fine()))
    names = [offer.component.name for offer in catalog.offers("generator")]
    assert names == ["quote", "toy_quote"]
    (failed,) = catalog.failed
    assert (str(failed), failed.version) == ("'bad' of imagora-bad 1.0", "1.0")
    assert why in (failed.error or "")
    assert [plugin.name for plugin in catalog.plugins] == ["toys", "bad", "fine"]
    for kind in KINDS:
        catalog.offers(kind)
    assert catalog.commands() == []
    assert catalog.failed == (failed,)


@pytest.mark.parametrize("how", FAILING)
def test_who_asks_for_what_a_failed_plugin_may_offer_learns_of_it(how: str) -> None:
    plugin, why = FAILING[how]
    with pytest.raises(PluginError) as caught:
        catalog_with(("bad", plugin)).get("generator", "quote")
    said = str(caught.value)
    assert said.startswith("there is no generator called 'quote'; did you mean 'toy_quote'? (there is: toy_quote); ")
    assert "the plugin 'bad' of imagora-bad 1.0 failed to load: " in said
    assert why in said


def test_a_failed_plugin_does_not_stop_a_recipe_that_does_without_it() -> None:
    assert catalog_with(("bad", Raises())).get("generator", "toy_quote").plugin.name == "toys"


def test_commands_that_are_none_fail_their_plugin() -> None:
    class Runs:
        @hookimpl
        def offer_commands(self) -> list[Command]:
            return [Command("run", "runs", lambda: None)]

    catalog = catalog_with(("bad", GivesWordsForCommands()), ("runs", Runs()))
    assert [command.name for command in catalog.commands()] == ["run"]
    assert [plugin.name for plugin in catalog.failed] == ["bad"]


def test_a_component_that_two_plugins_offer_is_nobodys() -> None:
    catalog = catalog_with(("one", Fine()), ("two", Fine()))
    assert catalog.get("generator", "toy_quote").component.name == "toy_quote"
    with pytest.raises(PluginError) as caught:
        catalog.get("generator", "quote")
    assert str(caught.value) == (
        "two plugins offer a generator called 'quote': 'one' of imagora-one 1.0 and 'two' of imagora-two 1.0; "
        "uninstall one of them"
    )
    assert [offer.component.name for offer in catalog.offers("generator")] == ["quote", "quote", "toy_quote"]


def test_of_two_plugins_with_one_name_the_first_stays_and_both_are_named() -> None:
    named = [(Plugin("fine", "imagora-a", "1"), Fine()), (Plugin("fine", "imagora-b", "2"), Raises())]
    catalog = Catalog((plugin, lambda thing=thing: thing) for plugin, thing in named)  # type: ignore[misc]  # as in the catalog
    assert catalog.get("generator", "quote").plugin.distribution == "imagora-a"
    (failed,) = catalog.failed
    assert str(failed) == "'fine' of imagora-b 2"
    assert failed.error == "the plugin 'fine' of imagora-a 1 has the same name; uninstall one of them"


def test_a_hook_is_called_once_and_only_when_its_kind_is_asked_for() -> None:
    calls: list[str] = []

    class Counts:
        @hookimpl
        def offer_generators(self) -> list[Component[Any]]:
            calls.append("generators")
            return [quote()]

    catalog = catalog_with(("counts", Counts()))
    catalog.offers("source")
    assert calls == []
    for _ in range(3):
        catalog.get("generator", "quote")
    assert calls == ["generators"]


def test_a_missing_package_is_found_without_importing_anything() -> None:
    requires = ("json", "no_such_package", "no_such.inner", "wave")
    component = Component("x", "x", Options, lambda options, context: None, requires=requires, extra="big")
    sys.modules.pop("wave", None)

    class Needs:
        @hookimpl
        def offer_generators(self) -> list[Component[Any]]:
            return [component]

    offer = catalog_with(("needs", Needs())).get("generator", "x")
    assert offer.missing() == ("no_such_package", "no_such.inner")
    assert "wave" not in sys.modules
    assert offer.pip_line() == "pip install 'imagora-needs[big]'"


def test_a_module_inside_a_package_is_looked_for_without_importing_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far_away" / "near").mkdir(parents=True)
    for place in ("far_away/__init__.py", "far_away/near/deep.py"):
        (tmp_path / place).write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    there, missing = ("far_away.near", "far_away.near.deep", "wave"), ("far_away.no", "far_away.near.no", "wave.far")
    component = Component("x", "x", Options, lambda options, context: None, requires=there + missing)
    assert Offer("generator", component, Plugin("far", "far", "1")).missing() == missing
    assert "far_away" not in sys.modules


def test_a_module_that_is_no_plugin_offers_nothing() -> None:
    catalog = catalog_with(("empty", ModuleType("empty")))
    assert catalog.failed == ()
    assert [offer.component.name for offer in catalog.offers("generator")] == ["toy_quote"]


def test_a_component_can_be_sent_to_another_process_whatever_its_commands_look_at() -> None:
    toy = Catalog.of(toys).get("generator", "toy_quote").component
    sent = pickle.loads(pickle.dumps(replace(toy, models=lambda options: [], checks=lambda options: [])))
    assert (sent.name, sent.options, sent.build) == (toy.name, toy.options, toy.build)
    assert sent.models is None and sent.checks is None
