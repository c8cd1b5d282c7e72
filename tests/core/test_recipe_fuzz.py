"""Whatever a recipe file holds, it gives a plan or a RecipeError with places, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_showing.show import show
from toy_recipes import CATALOG, recipe_of

SIGNS = "abc019 \n\t-?:,[]{}#&*!|>'\"%@`~<=.\\/$_\0\x85\ue000\ufeff\U0001f600"
COMPONENTS = ["toy_list", "toy_colour", "toy_words", "toy_memory", "toy_retriever", "toy_quote", "toy_emails", "x", ""]
SECTIONS = ["recipe", "extends", "source", "preparers", "embedders", "index", "retriever", "rerankers", "generator"]
SECTIONS += ["guardrails", "wrappers", "prompt", "pictures", "ledger", "description", "other", "profiles"]
KEYS = [
    "use",
    "path",
    "items",
    "legs",
    "top_k",
    "passage",
    "passages",
    "query",
    "image",
    "text",
    "sparse",
    "uri",
    "é",
    "+toy_reverse",
    "-toy_emails",
    "[0]",
]
LEAVES = (
    st.sampled_from([*COMPONENTS, "starter", "fuzz.yaml", "~nobody/x", "${HOME}", "${", "a\0b", "x" * 300, "\x1b[2J"])
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.text(max_size=5)
)
VALUES: Any = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        | st.fixed_dictionaries({"use": st.sampled_from(COMPONENTS)}, optional=dict.fromkeys(KEYS[1:6], inner))
    ),
    max_leaves=12,
)


def only_recipe_errors(path: Path) -> None:
    try:
        check(path, CATALOG)
    except RecipeError as error:
        assert error.problems
        assert all(p.line >= 1 and p.column >= 1 and p.file and p.what for p in error.problems)
    for profile in ("query", "image,text"):
        try:
            check(
                path, CATALOG, profile=profile, said=["rerankers.+toy_reverse=", "guardrails.query[0].use=toy_emails"]
            )
        except RecipeError as error:
            assert error.problems
    try:
        show(path)
    except RecipeError as error:
        assert error.problems


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "fuzz.yaml"


@given(content=st.binary(max_size=60) | st.text(SIGNS, max_size=60).map(lambda text: text.encode()))
@settings(max_examples=300, deadline=None)
def test_any_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    only_recipe_errors(path)


@given(sections=st.dictionaries(st.sampled_from(SECTIONS), VALUES, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_tree(sections: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps({"recipe": 1, **sections}, ensure_ascii=False), encoding="utf-8", errors="replace")
    only_recipe_errors(path)


@given(place=st.integers(0, 2_000), length=st.integers(0, 3), put=st.text(SIGNS, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_slip_in_a_good_recipe(place: int, length: int, put: str, path: Path) -> None:
    good = json.dumps(recipe_of(), indent=1)
    path.write_text(good[:place] + put + good[place + length :], encoding="utf-8")
    only_recipe_errors(path)
