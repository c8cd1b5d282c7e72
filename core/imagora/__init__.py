"""Imagora: retrieval-augmented generation over pictures and text, out of plugins and recipes, on LlamaIndex."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import Answer, Citation, Found, Passage, StageRecord
    from .component import BuildContext, Command, Component, Options, RecipePath
    from .hookspecs import hookimpl
    from .item import Item, Picture, Unreadable
    from .pipeline import Pipeline, load
    from .query import Query
    from .stages import Identity, Verdict

__version__ = "0.1.0"

_HOMES = {
    "Answer": "answer",
    "BuildContext": "component",
    "Citation": "answer",
    "Command": "component",
    "Component": "component",
    "Found": "answer",
    "Identity": "stages",
    "Item": "item",
    "Options": "component",
    "Passage": "answer",
    "Picture": "item",
    "Pipeline": "pipeline",
    "Query": "query",
    "RecipePath": "component",
    "StageRecord": "answer",
    "Unreadable": "item",
    "Verdict": "stages",
    "hookimpl": "hookspecs",
    "load": "pipeline",
}

__all__ = [
    "Answer",
    "BuildContext",
    "Citation",
    "Command",
    "Component",
    "Found",
    "Identity",
    "Item",
    "Options",
    "Passage",
    "Picture",
    "Pipeline",
    "Query",
    "RecipePath",
    "StageRecord",
    "Unreadable",
    "Verdict",
    "__version__",
    "hookimpl",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import imagora` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'imagora' has no attribute '{name}'")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
