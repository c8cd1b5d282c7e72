"""A recipe that extends another: what is merged, what is replaced, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import imagora_ingestion
import pytest
import toys
from imagora import Component, Options, RecipePath, hookimpl
from imagora.catalog import Catalog
from imagora_recipe.check import check
from imagora_recipe.extends import read_merged, shipped_recipes
from toy_recipes import CATALOG, problems, recipe_of, write

BASE = """\
recipe: 1
description: base
source: {use: toy_list, name: base}
embedders:
  image: {use: toy_colour, weights: "7"}
  sparse: {use: toy_words}
index: {use: toy_memory, path: kept/base.json}
retriever: {use: toy_retriever, top_k: 7}
rerankers: [{use: toy_reverse, keep: 3}]
generator: {use: toy_quote, passage: 2}
"""


def test_a_child_changes_one_option_and_keeps_the_others(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    plan = check(write(tmp_path, "extends: base.yaml\nembedders: {image: {weights: '8'}}\n"), CATALOG)
    assert plan.embedders["image"].options.model_dump() == {"weights": "8"}
    assert list(plan.embedders) == ["image", "sparse"]
    assert plan.retriever and plan.retriever.options.model_dump()["top_k"] == 7
    assert (plan.name, plan.file.name) == ("toys", "toys.yaml")


def test_a_child_that_names_the_same_component_keeps_its_options(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    plan = check(write(tmp_path, "extends: base.yaml\nretriever: {use: toy_retriever, fusion: dbsf}\n"), CATALOG)
    assert plan.retriever
    assert plan.retriever.options.model_dump() == {"top_k": 7, "legs": {}, "fusion": "dbsf"}


class Other(Options):
    pass


class OtherPlugin:
    @hookimpl
    def offer_retrievers(self) -> list[Component[Other]]:
        return [Component("other", "another retriever", Other, lambda options, context: None)]


def test_a_child_that_names_another_component_gets_none_of_the_old_options(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    child = write(tmp_path, "extends: base.yaml\nretriever: {use: other}\n")
    plan = check(child, Catalog.of(toys, OtherPlugin()))  # `top_k` would be an unknown option of it
    assert plan.retriever and plan.retriever.name == "other"


def test_a_child_replaces_a_list_whole(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    plan = check(write(tmp_path, "extends: base.yaml\nrerankers: [{use: toy_reverse}]\n"), CATALOG)
    assert [planned.options.model_dump() for planned in plan.rerankers] == [{"keep": None}]


def test_null_takes_a_section_or_a_leg_away(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    text = "extends: base.yaml\ngenerator: null\nrerankers: ~\nembedders: {image: null}\nsource:\n"
    plan = check(write(tmp_path, text), CATALOG)
    assert (plan.generator, plan.rerankers, plan.source, list(plan.embedders)) == (None, (), None, ["sparse"])


def test_a_grandchild_can_put_back_what_its_parent_took_away(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    write(tmp_path, "extends: base.yaml\ngenerator: null\n", "middle.yaml")
    plan = check(write(tmp_path, "extends: middle.yaml\ngenerator: {use: toy_quote}\n"), CATALOG)
    assert plan.generator and plan.generator.options.model_dump() == {"passage": 1}


def test_taking_every_leg_away_from_an_index_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    said = problems(write(tmp_path, "extends: base.yaml\nembedders: {image: null, sparse: null}\n"))
    assert said == [
        "base.yaml:7:1: index: needs the section 'embedders' too, e.g. embedders: {text: {use: sentence_transformers}}"
    ]


def test_a_path_is_beside_the_file_that_says_it(tmp_path: Path) -> None:
    write(tmp_path, BASE, "deep/base.yaml")
    plan = check(write(tmp_path, "extends: deep/base.yaml\nledger: {path: l.sqlite}\n"), CATALOG)
    assert plan.index and plan.index.options.model_dump()["path"] == tmp_path / "deep/kept/base.json"
    assert plan.ledger and plan.ledger.options.model_dump()["path"] == tmp_path / "l.sqlite"
    plan = check(write(tmp_path, "extends: deep/base.yaml\nindex: {path: mine.json}\n"), CATALOG)
    assert plan.index and plan.index.options.model_dump()["path"] == tmp_path / "mine.json"


def test_an_absolute_path_stays_and_a_tilde_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    plan = check(write(tmp_path, recipe_of(index={"use": "toy_memory", "path": "/a/b"})), CATALOG)
    assert plan.index and plan.index.options.model_dump()["path"] == Path("/a/b")
    plan = check(write(tmp_path, recipe_of(index={"use": "toy_memory", "path": "~/b"})), CATALOG)
    assert plan.index and plan.index.options.model_dump()["path"] == Path("/home/ann/b")


class Shelf(Options):
    paths: tuple[RecipePath, ...] = ()


class ShelfPlugin:
    @hookimpl
    def offer_sources(self) -> list[Component[Shelf]]:
        return [Component("shelf", "many paths", Shelf, lambda options, context: None)]


def test_every_path_of_a_list_is_beside_the_file_that_says_it(tmp_path: Path) -> None:
    write(tmp_path, recipe_of(source={"use": "shelf", "paths": ["a", "/b"]}), "deep/base.yaml")
    plan = check(write(tmp_path, "extends: deep/base.yaml\n"), Catalog.of(toys, ShelfPlugin(), imagora_ingestion))
    assert plan.source and plan.source.options.model_dump()["paths"] == (tmp_path / "deep/a", Path("/b"))


def test_a_shipped_recipes_paths_are_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = read_merged(write(tmp_path / "elsewhere", "extends: starter\n"))
    assert tree.at(("index", "path")).mark.file == str(shipped_recipes()["starter"])
    from imagora_recipe.components import (
        _folder,  # the rule by itself: the shipped recipes' components may not be installed
    )

    assert _folder(tree.at(("index", "path"))) == Path()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_is_named(length: int, tmp_path: Path) -> None:
    names = [f"r{number}.yaml" for number in range(length)]
    for name, parent in zip(names, [*names[1:], names[0]], strict=True):
        write(tmp_path, f"extends: {parent}\n", name)
    circle = " extends ".join(f"'{name}'" for name in [*names, names[0]])
    assert problems(tmp_path / names[0]) == [
        f"{names[-1]}:1:10: extends: the recipes go round in a circle or too deep: {circle}; take one away"
    ]


def test_a_circle_through_a_link_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "extends: link.yaml\n")
    (tmp_path / "link.yaml").symlink_to(path)
    (said,) = problems(path)
    assert said.startswith("toys.yaml:1:10: extends: the recipes go round in a circle")


def test_a_line_of_twenty_recipes_is_too_deep(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path, f"extends: r{number + 1}.yaml\n", f"r{number}.yaml")
    (said,) = problems(tmp_path / "r0.yaml")
    assert said.startswith("r8.yaml:1:10: extends: the recipes go round in a circle or too deep: 'r0.yaml' extends")


def test_a_parent_that_is_not_there_gets_a_guess(tmp_path: Path) -> None:
    there = f"(there is: {', '.join(sorted(shipped_recipes()))})"
    assert problems(write(tmp_path, "extends: startr\n")) == [
        "toys.yaml:1:10: extends: there is no file 'startr' and no shipped recipe called 'startr'; "
        f"did you mean 'starter'? {there}"
    ]
    long = "x" * 5_000
    assert problems(write(tmp_path, f"extends: {long}\n")) == [
        f"toys.yaml:1:10: extends: there is no file '{long}' and no shipped recipe called '{long}' {there}"
    ]


@pytest.mark.parametrize("parent", ["[a]", "{a: b}", "1", '""', "null"])
def test_a_parent_that_is_no_name_is_told(parent: str, tmp_path: Path) -> None:
    said = problems(write(tmp_path, f"extends: {parent}\n"))
    assert said == ["toys.yaml:1:10: extends: must be the name of a shipped recipe or a file's path"]


def test_a_mistake_in_the_parent_is_told_in_the_parents_place_after_the_childs_own(tmp_path: Path) -> None:
    write(tmp_path, "recipe: 1\nretreiver: {}\ngenerator: {use: toy_quote, pasage: 1}\n", "a_base.yaml")
    said = problems(write(tmp_path, "extends: a_base.yaml\nprompt: {passages: 0}\n"))
    assert [line.split(": ")[0] for line in said] == ["toys.yaml:2:20", "a_base.yaml:2:1", "a_base.yaml:3:29"]
