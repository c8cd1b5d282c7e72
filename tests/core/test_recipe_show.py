"""`recipe show`: YAML again, each value with its place, secrets masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagora_recipe.tree import parse
from imagora_showing.show import show
from toy_recipes import write

WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
KEYS = WORDS.filter(lambda word: word != "extends" and "key" not in word.lower())
SCALARS = WORDS | st.integers(-(10**9), 10**9) | st.booleans() | st.none() | st.floats(allow_nan=False)
TREES: Any = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def test_every_value_has_the_file_and_line_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    base = "recipe: 1\nindex:\n  use: toy_memory\n  path: a\ngenerator: {use: toy_quote}\n"
    write(tmp_path, base, "base.yaml")
    path = write(tmp_path, "extends: base.yaml\nindex:\n  path: b\nrerankers: [{use: toy_reverse}]\n")
    assert [line.split() for line in show(path).splitlines()] == [
        ["recipe:", "1", "#", "base.yaml:1"],
        ["index:"],
        ["use:", "toy_memory", "#", "base.yaml:3"],
        ["path:", "b", "#", "toys.yaml:3"],
        ["generator:"],
        ["use:", "toy_quote", "#", "base.yaml:5"],
        ["rerankers:"],
        ["-"],
        ["use:", "toy_reverse", "#", "toys.yaml:4"],
    ]


def test_values_from_the_environment_stay_names_and_secrets_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "from the environment")
    text = """\
recipe: 1
index:
  url: "${IMAGORA_TOY}"
  api_key: hunter2
  password: 20071969
  credentials: {user: ann, parts: [hunter2]}
  host: "https://ann:hunter2@example.org:6333/a?b=c&api_key=hunter2&d=e"
  token: "${IMAGORA_TOY}hunter2"
generator: {max_tokens: 512}
"""
    shown = show(write(tmp_path, text))
    assert "hunter2" not in shown
    assert "20071969" not in shown
    assert "from the environment" not in shown
    assert '"${IMAGORA_TOY}"' in shown
    assert "https://********@example.org:6333/a?b=c&api_key=********&d=e" in shown
    assert "max_tokens: 512" in shown


def test_nothing_shown_can_move_the_terminals_cursor(tmp_path: Path) -> None:
    text = 'recipe: 1\n"\\e[31mred": "\\e[2J"\ndescription: "\\x9b2J \\u202e \\L"\n'
    assert show(write(tmp_path, text)).replace("\n", "").isprintable()


@given(tree=st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
def test_what_is_shown_reads_as_the_same_recipe(tree: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(tmp_path_factory.getbasetemp(), tree, "shown.yaml")
    try:
        before = parse(path.read_text("utf-8"), "shown.yaml").plain()
    except Exception:
        return  # JSON that is no recipe for another reason, e.g. a number that is too large
    if "://" in str(before) or "=" in str(before):
        return  # may hold what looks like a password
    assert parse(show(path), "shown.yaml").plain() == before
