"""A recipe's tree out of plain values, all of which stand at one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagora_recipe.tree import Mark, Value


def tree_of(data: Any, mark: Mark) -> Value:
    """Give the tree; relative paths in it are beside the mark's file."""
    if isinstance(data, Mapping):
        data = {str(key): tree_of(part, mark) for key, part in data.items()}
    elif isinstance(data, list | tuple):
        data = [tree_of(part, mark) for part in data]
    return Value(data, mark, mark)
