"""Indexes by the name of their store, made as a recipe's are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagora import BuildContext
from imagora_llama_index import offer_indexes
from imagora_llama_index.stores.known import KNOWN_STORES

COMPONENTS = {component.name: component for component in offer_indexes()}


def index_of(name: str, path: Path, **more: Any) -> Any:
    """Make the index of a store at a path; it is not opened."""
    component = COMPONENTS[name]
    return component.build(component.options.model_validate({"path": path, **more}), BuildContext("gallery"))


def making(name: str, **more: Any) -> Callable[[Path], Any]:
    """Give what the contract's fixture `make` is; skips where the store's packages are not installed."""
    for package in KNOWN_STORES[name].requires:
        pytest.importorskip(package, reason=f"the extra '{name}' is not installed")
    return lambda path: index_of(name, path, **more)
