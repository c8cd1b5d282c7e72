"""A mapping over a list of components patches it by name: adds, takes away, changes, replaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagora_ingestion
import pytest
import toys
from imagora import Component, Options, hookimpl
from imagora.catalog import Catalog
from imagora_recipe.check import check
from imagora_showing.show import show
from toy_recipes import problems, write

BASE = """\
recipe: 1
generator: {use: toy_quote}
rerankers: [{use: first, size: 1}, {use: second, size: 2}, {use: third, size: 3}]
guardrails:
  query: [{use: toy_emails}]
"""


class Sized(Options):
    size: int = 0
    kept: bool = False


class Sorts:
    @hookimpl
    def offer_rerankers(self) -> list[Component[Any]]:
        return [Component(n, n, Sized, lambda options, context: None) for n in ("first", "second", "third", "fourth")]


SORTS = Catalog.of(toys, Sorts(), imagora_ingestion)

PATCHES = {
    "one more, at the end": ("{+fourth: {size: 4}}", ["first 1", "second 2", "third 3", "fourth 4"]),
    "one more, without options": ("{+fourth: }", ["first 1", "second 2", "third 3", "fourth 0"]),
    "one away": ("{-second: }", ["first 1", "third 3"]),
    "one away by null": ("{second: null}", ["first 1", "third 3"]),
    "one away by its place": ('{"[0]": null}', ["second 2", "third 3"]),
    "an option of one": ("{second: {size: 7}}", ["first 1", "second 7", "third 3"]),
    "an option by place": ('{"[2]": {size: 7}}', ["first 1", "second 2", "third 7"]),
    "another in its place": ("{second: {use: fourth}}", ["first 1", "fourth 0", "third 3"]),
    "away and again, at the end": ("{-first: , +first: {size: 9}}", ["second 2", "third 3", "first 9"]),
    "all at once, however written": (
        "{+fourth: {size: 4}, third: {size: 8}, -first: }",
        ["second 2", "third 8", "fourth 4"],
    ),
    "nothing": ("{}", ["first 1", "second 2", "third 3"]),
    "a whole list": ("[{use: fourth}]", ["fourth 0"]),
}


def rerankers(path: Path) -> list[str]:
    return [f"{p.name} {p.options.model_dump()['size']}" for p in check(path, SORTS).rerankers]


@pytest.mark.parametrize("what", PATCHES)
def test_a_patch_changes_the_parents_list(what: str, tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    patch, expected = PATCHES[what]
    assert rerankers(write(tmp_path, f"extends: base.yaml\nrerankers: {patch}\n")) == expected


def test_an_entry_that_is_changed_keeps_its_other_options(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    plan = check(write(tmp_path, "extends: base.yaml\nrerankers: {second: {kept: true}}\n"), SORTS)
    assert plan.rerankers[1].options.model_dump() == {"size": 2, "kept": True}


def test_patches_of_several_levels_are_applied_one_after_another(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    write(tmp_path, "extends: base.yaml\nrerankers: {-first: , +fourth: }\n", "middle.yaml")
    path = write(tmp_path, "extends: middle.yaml\nrerankers: {fourth: {size: 5}, +first: , -third: }\n")
    assert rerankers(path) == ["second 2", "fourth 5", "first 0"]


def test_a_patch_adds_to_a_list_that_nobody_has_yet_or_that_was_taken_away(tmp_path: Path) -> None:
    write(tmp_path, BASE.replace("rerankers", "#"), "base.yaml")
    text = "extends: base.yaml\nrerankers: {+first: }\nguardrails: {answer: {+toy_emails: {action: refuse}}}\n"
    plan = check(write(tmp_path, text), SORTS)
    assert [p.name for p in plan.rerankers] == ["first"]
    assert {place: len(found) for place, found in plan.guardrails.items()} == {"query": 1, "answer": 1}
    write(tmp_path, "extends: base.yaml\nguardrails: {query: null}\n", "middle.yaml")
    plan = check(write(tmp_path, "extends: middle.yaml\nguardrails: {query: {+toy_emails: }}\n"), SORTS)
    assert [p.name for p in plan.guardrails["query"]] == ["toy_emails"]


BAD = {
    "change one that is not there": (
        "{secnd: {size: 1}}",
        "rerankers.secnd: there is no 'secnd' in the list to change; did you mean 'second'? (there is: first, second, "
        "third); to add it, write '+secnd'",
    ),
    "take away one that is not there": (
        "{-fourth: }",
        "rerankers.-fourth: there is no 'fourth' in the list to take away (there is: first, second, third)",
    ),
    "add one that is there": (
        "{+first: {size: 3}}",
        "rerankers.+first: there is a 'first' in the list already; change it as 'first', or write the whole list to "
        "have two",
    ),
    "a place that is not there": (
        '{"[3]": {size: 3}}',
        "rerankers.[3]: there is no entry [3] in the list, which has 3",
    ),
    "options for what goes": (
        "{-first: {size: 3}}",
        "rerankers.-first: what is taken away has no options; write '-first:' with nothing behind it",
    ),
    "a word for options": ("{first: 3}", "rerankers.first: must be a mapping of the options that change"),
    "a word for a new one's options": (
        "{+fourth: 3}",
        "rerankers.+fourth: must be the options of 'fourth', a mapping or nothing",
    ),
    "a name twice": (
        "{+fourth: {use: first}}",
        "rerankers.+fourth: the key names the component; leave 'use' out",
    ),
    "brackets left out": ("{use: fourth}", "rerankers: must be a list of rerankers, e.g. [{use: …}]"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_patch_that_meets_nothing_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    patch, said = BAD[what]
    column = 12 if what == "brackets left out" else 13
    path = write(tmp_path, f"extends: base.yaml\nrerankers: {patch}\n")
    assert problems(path, SORTS) == [f"toys.yaml:2:{column}: {said}"]


def test_every_patch_that_meets_nothing_is_told(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    text = "extends: base.yaml\nrerankers:\n  -x:\n  y: {}\nguardrails:\n  query:\n    -z:\n"
    assert [line.split(": ")[:2] for line in problems(write(tmp_path, text), SORTS)] == [
        ["toys.yaml:3:3", "rerankers.-x"],
        ["toys.yaml:4:3", "rerankers.y"],
        ["toys.yaml:7:5", "guardrails.query.-z"],
    ]


def test_one_of_two_with_one_name_is_named_by_its_place(tmp_path: Path) -> None:
    write(tmp_path, BASE.replace("second", "first"), "base.yaml")
    path = write(tmp_path, "extends: base.yaml\nrerankers: {first: {size: 7}}\n")
    assert problems(path, SORTS) == [
        "toys.yaml:2:13: rerankers.first: 'first' is in the list 2 times; say which one by its place, e.g. '[0]'"
    ]
    assert rerankers(write(tmp_path, "extends: base.yaml\nrerankers: {-first: }\n")) == ["third 3"]


def test_a_mistake_in_an_option_of_a_patch_has_the_patchs_place(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    text = "extends: base.yaml\nrerankers:\n  second: {sise: 3}\n  +fourht:\n"
    assert [line.split("; ")[0] for line in problems(write(tmp_path, text), SORTS)] == [
        "toys.yaml:3:12: rerankers[1].sise: there is no option 'sise'",
        "toys.yaml:4:3: rerankers[3]: there is no reranker called 'fourht'",
    ]


def test_what_a_patch_made_is_shown_as_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, BASE, "base.yaml")
    shown = show(write(tmp_path, "extends: base.yaml\nrerankers:\n  -first:\n  -third:\n  +fourth: {size: 4}\n"))
    start = shown.index("rerankers")
    assert [line.split() for line in shown[start:].splitlines()[:7]] == [
        ["rerankers:"],
        ["-"],
        ["use:", "second", "#", "base.yaml:3"],
        ["size:", "2", "#", "base.yaml:3"],
        ["-"],
        ["use:", "fourth", "#", "toys.yaml:5"],
        ["size:", "4", "#", "toys.yaml:5"],
    ]
