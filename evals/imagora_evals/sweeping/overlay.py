"""The chosen point as a recipe of a few lines that extends the one it is for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from imagora.errors import QueryError
from imagora_recipe.assignments import assigned
from imagora_recipe.check import check
from imagora_recipe.extends import find, shipped_recipes

from .grid import Point, settings


def write(file: Path, recipe: str, point: Point, why: str) -> None:
    """Write it, and load it again: QueryError where it cannot be one, RecipeError where it does not fit."""
    if any(re.search(r"\[\d+\]", path) for path in point):
        what = "an entry of a list cannot be changed from a recipe that extends it"
        raise QueryError(
            f"{what}; put the values into the recipe yourself: {', '.join(settings(point))}", code="IMG-105"
        )
    if file.exists() and find(recipe).resolve() == file.resolve():
        raise QueryError(f"'{file}' is the recipe itself; name another file with --write", code="IMG-105")
    said: dict[str, Any] = {}
    for value in assigned(settings(point)):
        _lay(said, value.plain())
    text = f"# {why}\nrecipe: 1\nextends: {_parent(recipe, file)}\n{_yaml(said)}"
    file.write_text(text, "utf-8")
    check(file)


def _parent(recipe: str, file: Path) -> str:
    there = find(recipe)
    if there in shipped_recipes().values():
        return there.stem
    return Path(os.path.relpath(there.resolve(), file.resolve().parent)).as_posix()


def _lay(into: dict[str, Any], part: Any) -> None:
    for name, value in part.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _lay(into[name], value)
        else:
            into[name] = value


def _yaml(said: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml, stream = YAML(typ="safe"), StringIO()
    yaml.default_flow_style = False
    yaml.dump(dict(said), stream)
    return stream.getvalue()
