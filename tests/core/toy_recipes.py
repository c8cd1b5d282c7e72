"""Recipes of toys: written as files, checked against the toys' catalog, and built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imagora_ingestion
import pytest
import toys
from imagora import Pipeline
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import RecipeError
from imagora_recipe.check import check

CATALOG = Catalog.of(toys, imagora_ingestion)

ITEMS: tuple[Mapping[str, Any], ...] = (
    {"uri": "rose", "title": "a rose", "text": "A red rose in a vase.", "colour": "red", "metadata": {"price": 5}},
    {
        "uri": "sea",
        "title": "the sea",
        "text": "Blue waves.",
        "colour": "blue",
        "metadata": {"price": 0, "tags": ["w"]},
    },
    {"uri": "lemon", "colour": "yellow"},
    {"uri": "note", "text": "Buy a lemon and a rose for Ann."},
)

RECIPE: Mapping[str, Any] = {
    "recipe": 1,
    "embedders": {"image": {"use": "toy_colour"}, "sparse": {"use": "toy_words"}},
    "index": {"use": "toy_memory"},
    "retriever": {"use": "toy_retriever"},
    "generator": {"use": "toy_quote"},
    "ledger": {"path": "ledger.sqlite"},
}
"""A recipe without a source; `recipe_of` puts one in."""


def recipe_of(items: Sequence[Mapping[str, Any]] = ITEMS, **sections: Any) -> dict[str, Any]:
    """Give a recipe of toys; a section that is None is left out."""
    whole = {**RECIPE, "source": {"use": "toy_list", "items": list(items)}, **sections}
    return {name: section for name, section in whole.items() if section is not None}


def write(folder: Path, recipe: str | Mapping[str, Any], name: str = "toys.yaml") -> Path:
    """Write a recipe file; a mapping is written as JSON, which is YAML."""
    (path := folder / name).parent.mkdir(parents=True, exist_ok=True)
    path.write_text(recipe if isinstance(recipe, str) else json.dumps(recipe, indent=1), encoding="utf-8")
    return path


def problems(recipe: str | Path, catalog: Catalog = CATALOG) -> list[str]:
    """Give what is wrong with a recipe file, a line each, without the folder that it is in."""
    with pytest.raises(RecipeError) as caught:
        check(recipe, catalog)
    folder = f"{Path(recipe).parent}/"
    return [str(problem).replace(folder, "") for problem in caught.value.problems]


def built(folder: Path, recipe: Mapping[str, Any] | None = None, catalog: Catalog = CATALOG) -> Pipeline:
    """Write a recipe, check it and build it."""
    plan = check(write(folder, recipe or recipe_of()), catalog)
    return Pipeline(plan, assemble(plan))
