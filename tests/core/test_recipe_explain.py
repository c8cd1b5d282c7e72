"""`recipe show --explain`: who says each value, what it stands in the place of, and what nobody says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from imagora_recipe.extends import read_merged
from imagora_recipe.tree import parse
from imagora_showing.defaults import with_defaults
from imagora_showing.show import listed, shown
from test_recipe_profiles import BASE, CHILD  # one recipe for both
from toy_distributions import TOYS, install_toys
from toy_recipes import CATALOG, write
from typer.testing import CliRunner


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IMAGORA_PROFILE", raising=False)
    monkeypatch.chdir(tmp_path)
    write(tmp_path, BASE, "base.yaml")
    return write(tmp_path, CHILD + "generator: null\n")


def explained(recipe: Path, profile: str | None = None, *said: str) -> str:
    return shown(with_defaults(read_merged(recipe, profile, said), CATALOG), explain=True)


def line(text: str, key: str) -> str:
    (found,) = (line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
    return " ".join(found.split())


def test_each_value_has_its_place_and_what_it_stands_in_the_place_of(recipe: Path) -> None:
    text = explained(recipe, "dev", "index.path=b")
    assert line(text, "top_k") == "top_k: 2 # base.yaml:7 (profile dev), over toys.yaml:2: 9, over base.yaml:4: 7"
    assert (
        line(text, "path")
        == "path: b # --set, over base.yaml:7 (profile dev): dev.json, over base.yaml:3: kept/base.json"
    )
    assert line(text, "fusion") == "fusion: dbsf # toys.yaml:2"
    assert line(text, "generator") == "generator: null # toys.yaml:7, over base.yaml:5: {use: toy_quote}"


def test_what_nobody_says_is_there_as_the_default(recipe: Path) -> None:
    text = explained(recipe)
    assert line(text, "legs") == "legs: {} # default"
    assert line(text, "weights") == 'weights: "1" # default'
    assert line(text, "deadline") == "deadline: 120 # default"
    assert line(explained(recipe, "prod"), "action") == (
        "action: refuse # toys.yaml:5 (profile prod), over base.yaml:9 (profile prod): redact"
    )


def test_it_is_still_a_recipe_that_says_the_same(recipe: Path) -> None:
    plain = parse(explained(recipe, "prod"), "x").plain()
    assert isinstance(plain, dict)
    assert plain["retriever"] == {"use": "toy_retriever", "top_k": 9, "fusion": "dbsf", "legs": {}}
    assert plain["guardrails"] == {"query": [{"use": "toy_emails", "action": "refuse"}]}


def test_no_secret_is_in_what_was_overridden(recipe: Path) -> None:
    write(
        recipe.parent,
        BASE.replace("toy_quote}", "toy_quote, api_key: hunter2, url: 'http://a:hunter2@b'}"),
        "base.yaml",
    )
    write(recipe.parent, "extends: base.yaml\ngenerator: {api_key: hunter2b, url: x}\n")
    tree = read_merged(recipe, said=["generator.api_key=hunter2c"])
    assert "hunter2" not in shown(tree, explain=True) + json.dumps(listed(tree))
    assert "api_key" in shown(tree)


def test_the_command_prints_it_as_json_too(recipe: Path, toys_installed: None) -> None:
    done = CliRunner().invoke(
        app, ["recipe", "show", "toys.yaml", "--explain", "--json", "--profile", "dev", "--set", "index.path=b"]
    )
    values = {value["path"]: value for value in json.loads(done.stdout)["values"]}
    assert values["retriever.top_k"] == {
        **{"path": "retriever.top_k", "value": 2, "by": "file", "file": str(recipe.parent / "base.yaml")},
        **{"line": 7, "column": 28, "profile": "dev"},
        "over": [
            {"value": 9, "by": "file", "file": "toys.yaml", "line": 2, "column": 20},
            {"value": 7, "by": "file", "file": "base.yaml", "line": 4, "column": 40},
        ],
    } | {"file": "base.yaml"}
    assert values["index.path"]["by"] == "set"
    assert values["prompt.passages"] == {"path": "prompt.passages", "value": 6, "by": "default", "over": []}
    assert values["embedders.image.weights"]["by"] == "default"
    without = json.loads(CliRunner().invoke(app, ["recipe", "show", "toys.yaml", "--json"]).stdout)
    assert "prompt.passages" not in {value["path"] for value in without["values"]}


def test_check_can_check_every_profile(recipe: Path, toys_installed: None) -> None:
    done = CliRunner().invoke(
        app, ["recipe", "check", "toys.yaml", "--all-profiles", "--set", "generator={use: toy_quote}"]
    )
    assert [said.split(": ")[0] for said in done.stdout.splitlines()] == [
        "toys.yaml",
        *(f"toys.yaml with the profile {name}" for name in ("dev", "prod", "gpu")),
    ]


@pytest.fixture
def toys_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install_toys(tmp_path / "site")
    for folder in (TOYS, tmp_path / "site"):
        monkeypatch.syspath_prepend(str(folder))
    installed_catalog.cache_clear()
    yield
    installed_catalog.cache_clear()


def test_every_command_that_takes_a_recipe_takes_a_profile_and_values(toys_installed: None) -> None:
    import typer

    seen = []

    def look(command: object, path: str) -> None:
        for name, below in getattr(command, "commands", {}).items():
            look(below, f"{path} {name}")
        names = {parameter.name for parameter in getattr(command, "params", [])}
        if "recipe" in names and any(p.name == "recipe" and p.param_type_name == "argument" for p in command.params):  # type: ignore[attr-defined]
            seen.append(path)
            assert {"profile", "assigned"} <= names, path

    look(typer.main.get_command(app), "imagora")
    for offered in installed_catalog().commands():
        look(typer.main.get_command(offered.app()), offered.name)
    assert {"vllm-command", "licences", "doctor"} <= set(seen)
    assert {"imagora ask", "imagora ingest", "imagora recipe show", "imagora index gc"} <= set(seen)
