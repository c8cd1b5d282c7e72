"""A recipe checked as if its file stood somewhere else: an older version of one, say, that lies in another folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imagora.catalog import Catalog, installed_catalog
from imagora_recipe.check import check_tree
from imagora_recipe.extends import find, read_merged
from imagora_recipe.plan import Plan
from imagora_recipe.tree import Mark, Value


def checked_at(
    recipe: str | Path,
    place: Path,
    catalog: Catalog | None = None,
    *,
    profile: str | None = None,
) -> Plan:
    """Check a recipe under another file's name, beside which its relative paths then are."""
    tree = _moved(read_merged(recipe, profile), str(find(recipe)), str(place))
    return check_tree(place, tree, catalog or installed_catalog())


def _moved(value: Value, old: str, new: str) -> Value:
    def mark(there: Mark) -> Mark:
        return replace(there, file=new) if there.file == old else there

    data = value.data
    if isinstance(data, dict):
        data = {name: _moved(part, old, new) for name, part in data.items()}
    elif isinstance(data, list):
        data = [_moved(part, old, new) for part in data]
    return replace(value, data=data, mark=mark(value.mark), key=mark(value.key))
