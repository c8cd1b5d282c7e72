"""Whether a plugin fits: what it declares is judged before anything of it is used, and told in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from imagora.api import API, USUAL, fit_of
from imagora.catalog import installed_catalog
from packaging.specifiers import SpecifierSet
from test_catalog_installed import FINE, imagora
from toy_distributions import install
from toy_recipes import write


@pytest.mark.parametrize(
    ("declared", "state", "why"),
    [
        (">=1.0,<2", "ok", ""),
        ("~=1.0", "ok", ""),
        ("==1.*", "ok", ""),
        (">=1.7,<2", "degraded", "it was written for the API <2,>=1.7, and this is 1.0"),
        ("==1.3.*", "degraded", "written for the API ==1.3.*"),
        (None, "degraded", "it does not say which API it was written for; write imagora_api = '>=1.0,<2' in it"),
        (">=2,<3", "refused", "it was written for the API <3,>=2, and this is 1.0; install a version of it that fits"),
        ("<1", "refused", "install a version of it that fits"),
        ("one", "refused", "imagora_api must be versions such as '>=1.0,<2', and it is 'one'"),
        (1, "refused", "and it is 1"),
    ],
)
def test_a_declaration_is_judged_by_its_first_and_its_second_number(declared: object, state: str, why: str) -> None:
    fit = fit_of(declared)
    assert fit.state == state and why in fit.why


def test_what_new_plugins_are_told_to_declare_fits_this_api() -> None:
    assert SpecifierSet(USUAL).contains(API) and fit_of(USUAL).state == "ok"


def test_every_built_in_plugin_declares_that_it_fits() -> None:
    ours = [plugin for plugin in installed_catalog().plugins if plugin.distribution == "imagora"]
    assert len(ours) > 20
    assert {plugin.name: plugin.fit for plugin in ours if plugin.fit is None or plugin.fit.state != "ok"} == {}


def test_a_plugin_for_another_api_is_named_and_not_used_and_one_for_a_later_one_is_used(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "old-plugin", {"old": "old_plugin"}, {"old_plugin": f"imagora_api = '<1'\n{FINE}"}, "0.9")
    later = FINE.replace('"fine"', '"later"').replace("'fine'", "'later'")
    install(site, "new-plugin", {"new": "new_plugin"}, {"new_plugin": f"imagora_api = '>=1.9,<2'\n{later}"})
    code, out, err = imagora("plugins", "--json", site=site, cwd=tmp_path)
    told = json.loads(out)
    (refused,) = told["failed"]
    assert (refused["plugin"], refused["api"], code) == ("'old' of old-plugin 0.9", "refused", 1)
    assert "install a version of it that fits" in refused["error"]
    api = {component["name"]: component["api"] for component in told["components"]}
    assert api["later"] == "degraded" and "fine" not in api and api["starter"] == "ok"
    assert all(component["seconds"] >= 0 for component in told["components"])
    code, out, err = imagora("plugins", "generator", "--time", site=site, cwd=tmp_path)
    assert "degraded" in out and " ms" in out
    recipe = write(tmp_path, "recipe: 1\ngenerator: {use: fine}\n")
    code, out, err = imagora("recipe", "check", str(recipe), site=site, cwd=tmp_path)
    assert code == 1 and "there is no generator called 'fine'" in err and "was written for the API <1" in err
