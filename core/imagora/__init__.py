"""Imagora: retrieval-augmented generation over pictures and text, out of plugins and recipes, on LlamaIndex."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagora_routing.file import RouterPlan
    from imagora_routing.router import Router
    from imagora_routing.rules import Rule

    from .answer import Answer, Citation, Found, Passage, StageRecord
    from .component import BuildContext, Command, Component, Model
    from .hookspecs import hookimpl
    from .ingest_report import IngestReport, Progress
    from .item import Deleted, Item, Picture, Unreadable
    from .options import Costs, Nested, NestedComponent, Options, RecipePath
    from .pipeline import Pipeline, load
    from .query import Principal, Query
    from .stages import Identity, Verdict

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "Answer", "BuildContext", "Citation", "Command", "Component", "Costs", "Deleted", "Found", "Identity",
    "IngestReport", "Item", "Model", "Nested", "NestedComponent", "Options", "Passage", "Picture", "Pipeline",
    "Principal", "Progress", "Query", "RecipePath", "Router", "RouterPlan", "Rule", "StageRecord", "Unreadable",
    "Verdict", "__version__", "hookimpl", "load",
]
# fmt: on

_HOMES = {
    ".answer": ("Answer", "Citation", "Found", "Passage", "StageRecord"),
    ".component": ("BuildContext", "Command", "Component", "Model"),
    ".hookspecs": ("hookimpl",),
    ".ingest_report": ("IngestReport", "Progress"),
    ".item": ("Deleted", "Item", "Picture", "Unreadable"),
    ".options": ("Costs", "Nested", "NestedComponent", "Options", "RecipePath"),
    ".pipeline": ("Pipeline", "load"),
    ".query": ("Principal", "Query"),
    ".stages": ("Identity", "Verdict"),
    "imagora_routing.file": ("RouterPlan",),
    "imagora_routing.router": ("Router",),
    "imagora_routing.rules": ("Rule",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import imagora` stays light."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module, __name__), name)
    raise AttributeError(f"module 'imagora' has no attribute '{name}'")
