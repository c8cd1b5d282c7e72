"""What a plan is made for: the load, what items are like, and the machines that there are to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imagora.errors import QueryError, did_you_mean
from imagora.stages import Embedder
from imagora_recipe.plan import Plan

GB = 1_000_000_000


@dataclass(frozen=True)
class Needs:
    """The load and the assumptions.

    items: of the corpus. qps: queries a second, at the busiest. words: terms of an item on the sparse leg. payload:
    bytes of an item's metadata and text. node_memory: bytes, node_cores: of one machine for the index. busy: how much
    of a core may be used, so that queries do not wait. search: core seconds of a search of one dense leg of 100,000
    items. replicas: at least so many.
    """

    items: int
    qps: float
    words: float = 40.0
    payload: float = 500.0
    node_memory: float = 64 * GB
    node_cores: int = 16
    busy: float = 0.6
    search: float = 0.001
    replicas: int = 1


@dataclass(frozen=True)
class Layout:
    """A recipe's parts that a plan looks at.

    dimensions: of each dense leg. sparse: whether there is a sparse leg. index: its component's name, and options: what
    the recipe says of it and the defaults.
    """

    recipe: str
    index: str
    options: dict[str, Any] = field(default_factory=dict)
    dimensions: dict[str, int] = field(default_factory=dict)
    sparse: bool = False

    @property
    def embedded(self) -> bool:
        """Whether the index is in the process that answers."""
        return not self.options.get("url")


def layout_of(plan: Plan, embedders: Mapping[str, Embedder], said: Mapping[str, int]) -> Layout:
    """Read from a checked recipe what there is to plan for.

    said: the length of a leg's vectors; the embedders of the others say it themselves, and may load their model for it.
    """
    dense = {leg: said[leg] if leg in said else one.identity().dimension for leg, one in embedders.items()}
    options = plan.index.options.model_dump() if plan.index else {}
    name = plan.index.name if plan.index else ""
    sparse = any(not size for size in dense.values())
    return Layout(plan.name, name, options, {leg: size for leg, size in dense.items() if size}, sparse)


def dimensions(said: Sequence[str], embedders: Mapping[str, Embedder]) -> dict[str, int]:
    """Read `LEG=N` each; QueryError for what is none."""
    found = {}
    for text in said:
        leg, _, number = text.partition("=")
        if leg not in embedders:
            raise QueryError(f"the recipe has no leg '{leg}'{did_you_mean(leg, embedders)}", code="IMG-105")
        if not number.isascii() or not number.isdigit() or not int(number):
            what = f"a dimension is said as leg=number, such as image=512, and this is '{text}'"
            raise QueryError(what, code="IMG-105")
        found[leg] = int(number)
    return found
