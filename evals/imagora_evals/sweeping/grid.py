"""The points of a sweep: which values of which options are tried together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

from imagora.errors import QueryError
from imagora.options import Costs, Options
from imagora_recipe.plan import Plan

Point: TypeAlias = dict[str, str]
"""Values, as `--set` takes them, by their path in the recipe."""
MOST = 1_000

USUAL: dict[str, dict[str, Sequence[str]]] = {
    "qdrant": {"index.hnsw.m": ("8", "16", "32"), "index.hnsw.ef": ("32", "64", "128", "256")},
    "faiss hnsw": {"index.m": ("16", "32"), "index.ef": ("32", "64", "128", "256")},
    "faiss ivf": {"index.lists": ("64", "256"), "index.probes": ("4", "8", "16", "32")},
    "chroma": {"index.m": ("16", "32"), "index.ef": ("64", "128", "256")},
}
"""What is tried where nobody says it, by the index's name and the kind of it."""


def points(said: Sequence[str], plan: Plan) -> list[Point]:
    """Give every combination of the values; QueryError for what cannot be read, and where there are too many."""
    axes: dict[str, Sequence[str]] = dict(map(_axis, said)) or _usual(plan)
    found = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    if len(found) > MOST:
        raise QueryError(f"these are {len(found):,} combinations, and at most {MOST:,} are tried", code="IMG-105")
    return found


def of_index(found: Sequence[Point]) -> bool:
    """Say whether all options are the index's; QueryError where only some are."""
    of = {path.partition(".")[0].partition("[")[0] == "index" for point in found for path in point}
    if len(of) > 1:
        what = "options of the index are measured against exact search, and others by the suite's judgements"
        raise QueryError(f"{what}; sweep them one after the other", code="IMG-105")
    return of == {True}


def online(point: Point, plan: Plan) -> Point:
    """Give the part of a point that only changes how an index is searched, not how it is made."""
    assert plan.index is not None  # noqa: S101 - whoever asks looked
    model = type(plan.index.options)
    return {path: value for path, value in point.items() if _cost(model, path.split(".")[1:]) == "online"}


def settings(point: Point) -> list[str]:
    """Write a point as `--set` takes it."""
    return [f"{path}={value}" for path, value in point.items()]


def _axis(said: str) -> tuple[str, Sequence[str]]:
    path, sign, values = said.partition("=")
    each = [value.strip() for value in _parts(values) if value.strip()]
    if not sign or not path.strip() or not each:
        what = f"'{said}' tries nothing; write e.g. --param index.hnsw.ef=64,128,256"
        raise QueryError(what, code="IMG-105")
    return path.strip(), each


def _parts(values: str) -> Iterator[str]:
    """Split at commas that are not within brackets, so that a value may be a list or a mapping."""
    yield from re.split(r",(?![^\[{]*[\]}])", values)


def _usual(plan: Plan) -> dict[str, Sequence[str]]:
    name = plan.index.name if plan.index else ""
    kind = getattr(plan.index.options, "kind", "") if plan.index else ""
    found = USUAL.get(name) or USUAL.get(f"{name} {kind}".strip())
    if found is None:
        of = f"the index '{name}'" + (f" of kind {kind}" if kind else "")
        raise QueryError(
            f"{of} has nothing that is usually swept; say what, with --param PATH=VALUE,VALUE", code="IMG-105"
        )
    return found


def _cost(model: Any, steps: Sequence[str]) -> str:
    cost = "re-index"
    for step in steps:
        field = model.model_fields.get(step) if isinstance(model, type) and issubclass(model, Options) else None
        if field is None:
            break
        cost = next((mark.what for mark in field.metadata if isinstance(mark, Costs)), cost)
        model = field.annotation
    return cost
