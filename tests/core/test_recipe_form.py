"""What a recipe file gets that is not plain, small YAML: one sentence with its place."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from imagora_recipe.extends import shipped_recipes
from toy_recipes import problems, write

GOOD = "recipe: 1\ngenerator: {use: toy_quote}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
TAG = "is not allowed; a recipe is plain YAML, so leave it out"

BAD = {
    "empty": ("", ["toys.yaml:1:1: is empty; a recipe begins with: recipe: 1"]),
    "a comment": ("# nothing\n", ["toys.yaml:1:1: is empty; a recipe begins with: recipe: 1"]),
    "a null": ("~\n", ["toys.yaml:1:1: is not a recipe; a recipe is a mapping and begins with: recipe: 1"]),
    "a list": ("\n- a\n", ["toys.yaml:2:1: is not a recipe; a recipe is a mapping and begins with: recipe: 1"]),
    "a word": ("hello\n", ["toys.yaml:1:1: is not a recipe; a recipe is a mapping and begins with: recipe: 1"]),
    "a bracket left open": (
        "recipe: 1\n  bad: [\n",
        ["toys.yaml:2:6: is not YAML: mapping values are not allowed here"],
    ),
    "a tab": (
        "recipe:\n\t- a\n",
        ["toys.yaml:2:1: is not YAML: found character '\\t' that cannot start any token; indent with blanks"],
    ),
    "a NUL": (
        "recipe: 1\ngen\0: 1\n",
        ["toys.yaml:2:4: is not YAML: unacceptable character #x0000: special characters are not allowed"],
    ),
    "two documents": (GOOD + "---\nrecipe: 1\n", ["toys.yaml:3:1: is not YAML: but found another document"]),
    "an alias to nothing": ("recipe: *x\n", ["toys.yaml:1:9: is not YAML: found undefined alias 'x'"]),
    "10,000 levels in brackets": ("a: " + "[" * 10_000, ["toys.yaml:1:35: is nested deeper than 32 levels"]),
    "10,000 levels, closed": (
        "a: " + "[" * 10_000 + "]" * 10_000,
        ["toys.yaml:1:35: is nested deeper than 32 levels"],
    ),
    "many levels by indentation": (
        "".join(f"{' ' * level}a:\n" for level in range(300)),
        ["toys.yaml:33:33: is nested deeper than 32 levels"],
    ),
    "10,000 keys in keys": ("? " * 10_000, ["toys.yaml:1:65: is nested deeper than 32 levels"]),
    "too many values": ("[" + "a, " * 12_000 + "]", ["toys.yaml:1:29999: has more than 5,000 values"]),
    "a tag for Python": (
        "recipe: 1\ngenerator: !!python/object/apply:os.system [touch /tmp/never]\n",
        [f"toys.yaml:2:12: generator: the tag 'tag:yaml.org,2002:python/object/apply:os.system' {TAG}"],
    ),
    "a tag for Python at a key": (
        GOOD + "!!python/name:os.system description: 1\n",
        [f"toys.yaml:3:1: the tag 'tag:yaml.org,2002:python/name:os.system' {TAG}"],
    ),
    "a tag of one's own": ("recipe: !foo 1\n", [f"toys.yaml:1:9: recipe: the tag '!foo' {TAG}"]),
    "bytes": ("recipe: !!binary aGk=\n", [f"toys.yaml:1:9: recipe: the tag 'tag:yaml.org,2002:binary' {TAG}"]),
    "a key twice": (GOOD + "recipe: 1\n", ["toys.yaml:3:1: recipe: is there twice; the first is in line 1"]),
    "a key three times, and another twice": (
        "recipe: 1\nrecipe: 1\nrecipe: 1\ngenerator: {use: toy_quote, passage: 1, passage: 2}\n",
        [
            "toys.yaml:2:1: recipe: is there twice; the first is in line 1",
            "toys.yaml:3:1: recipe: is there twice; the first is in line 1",
            "toys.yaml:4:41: generator.passage: is there twice; the first is in line 4",
        ],
    ),
    "a list as a key": ("? [a]\n: 1\n", ["toys.yaml:1:3: a key must be a word"]),
    "a truth value that is none": (
        "recipe: !!bool maybe\n",
        ["toys.yaml:1:9: recipe: 'maybe' cannot be read: 'maybe'"],
    ),
    "half a character": (
        'recipe: 1\ndescription: "\\ud800"\n',
        [
            "toys.yaml:2:14: description: '\\ud800' cannot be read: 'utf-8' codec can't encode character '\\ud800' in "
            "position 0: surrogates not allo"
        ],
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_plain_yaml_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    assert problems(write(tmp_path, text)) == said


def test_aliases_that_multiply_are_stopped(tmp_path: Path) -> None:
    (said,) = problems(write(tmp_path, LAUGHS))
    assert said.endswith(": has more than 5,000 values or 32 levels after its aliases are followed")


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a\n  - b: *a\n"])
def test_an_alias_of_itself_is_stopped(text: str, tmp_path: Path) -> None:
    (said,) = problems(write(tmp_path, text))
    assert said.endswith(": has more than 5,000 values or 32 levels after its aliases are followed")


def test_aliases_that_do_no_harm_are_followed_without_a_warning(tmp_path: Path) -> None:
    text = "recipe: &n 1\ngenerator: {use: toy_quote, passage: *n}\ndescription: &n again\nprompt: {passages: 0}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = problems(write(tmp_path, text))
    assert said == ["toys.yaml:4:20: prompt.passages: input should be greater than or equal to 1, and it is '0'"]


def test_a_file_that_is_not_utf_8_is_told_with_the_byte(tmp_path: Path) -> None:
    (path := tmp_path / "toys.yaml").write_bytes(b"recipe: 1\n# caf\xe9\n")
    assert problems(path) == ["toys.yaml:1:1: is not UTF-8 text (byte 15); is it a recipe? if so, save it as UTF-8"]
    path.write_text("recipe: 1", encoding="utf-16")
    assert problems(path) == ["toys.yaml:1:1: is not UTF-8 text (byte 0); is it a recipe? if so, save it as UTF-8"]


def test_a_byte_order_mark_moves_no_column(tmp_path: Path) -> None:
    (path := tmp_path / "toys.yaml").write_text("recipe: x\ngenerator: {use: toy_quote}\n", encoding="utf-8-sig")
    assert problems(path) == ["toys.yaml:1:9: recipe: this is version 1 of recipes, and the file says 'x'"]


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (path := tmp_path / "toys.yaml").open("wb") as file:
        file.truncate(10**10)
    assert problems(path) == ["toys.yaml:1:1: is larger than a recipe may be (200,000 bytes)"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    assert problems(tmp_path / "none.yaml") == ["none.yaml:1:1: there is no such file"]
    assert problems(tmp_path / "folder") == ["folder:1:1: is a folder, not a recipe file; name a file in it"]
    assert problems(tmp_path / "folder.yaml") == ["folder.yaml:1:1: is a folder, not a recipe file; name a file in it"]
    assert problems(tmp_path / "pipe.yaml") == ["pipe.yaml:1:1: there is no such file"]
    assert problems(tmp_path / "loop.yaml") == ["loop.yaml:1:1: there is no such file"]


def test_a_name_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    for name in ("x" * 5_000, "a\0b"):
        assert problems(tmp_path / name) == [f"{name}:1:1: there is no such file"]


def test_a_shipped_recipe_that_is_not_there_gets_a_guess() -> None:
    there = f"(there is: {', '.join(sorted(shipped_recipes()))})"
    (said,) = problems("startr")
    assert said == (
        f"startr:1:1: there is no file and no shipped recipe called 'startr'; did you mean 'starter'? {there}"
    )
    (said,) = problems("")
    assert said == f":1:1: there is no file and no shipped recipe called '' {there}"
