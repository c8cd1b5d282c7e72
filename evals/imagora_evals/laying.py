"""A recipe laid over a suite: its own components, the suite's corpus, and an index of its own in the cache."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from imagora import IngestReport, Pipeline, Principal, Progress
from imagora.assembly import assemble
from imagora.catalog import installed_catalog
from imagora.errors import ImagoraError, QueryError, RecipeError
from imagora.options import as_json
from imagora_recipe.check import check, check_tree
from imagora_recipe.extends import find, read_merged
from imagora_recipe.merging import merged
from imagora_recipe.plan import Plan
from imagora_recipe.tree import Mark

from .places import cache_folder
from .spending import Meter
from .suite import Suite
from .suite_reading import FILE
from .trees import tree_of

CACHES = ("cache", "redis_cache")


@dataclass(frozen=True)
class How:
    """How a recipe is asked.

    profile, assigned: as the command line's --profile and --set. ingest: into an index of its own; otherwise the
    recipe's index is asked as it is. search_only: no answers are generated. limit: at most so many queries.
    slices: only queries of these, e.g. {"language": "de"}. principal: who asks, for recipes with `access`.
    """

    profile: str | None = None
    assigned: Sequence[str] = ()
    ingest: bool = True
    search_only: bool = False
    limit: int | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    principal: Principal | None = None


@dataclass(frozen=True)
class Opened:
    """A pipeline on a suite's corpus.

    plan: of the recipe as it is, without what was laid over it. report: of the ingest, None where there was none.
    meter: counts what generators read and write.
    """

    pipeline: Pipeline
    plan: Plan
    report: IngestReport | None
    meter: Meter


@contextmanager
def opened(
    recipe: str | Path, suite: Suite, how: How, on_progress: Callable[[Progress], None] | None = None
) -> Iterator[Opened]:
    """Check a recipe, lay it over the suite, bring the index up to date, and give its pipeline while it is open."""
    plan = check(recipe, profile=how.profile, said=how.assigned)
    own = bool(suite.corpus) and how.ingest
    laid = laid_over(recipe, plan, suite, how) if own else plan
    # A cache would answer for the recipe, and from what an earlier run had put in.
    laid = replace(laid, wrappers=tuple(wrapper for wrapper in laid.wrappers if wrapper.name not in CACHES))
    meter = Meter()
    stages = assemble(laid)
    stages = replace(stages, tracer=meter.around(stages.tracer))
    with Pipeline(laid, stages) as pipeline:
        report = pipeline.ingest(on_progress=on_progress) if own else None
        if report is not None and report.done == len(report.quarantined):
            why = "; ".join(f"{uri}: {reason}" for uri, reason in report.quarantined[:3]) or "it is empty"
            raise ImagoraError(f"nothing of the corpus of '{suite.name}' could be ingested: {why}", code="IMG-723")
        yield Opened(pipeline, plan, report, meter)


def laid_over(recipe: str | Path, plan: Plan, suite: Suite, how: How) -> Plan:
    """Give the plan of a recipe with the suite's corpus for its source, and an index and a ledger in the cache.

    Recipes that embed alike share an index. Raises QueryError where the recipe has no index, or one that can be put
    nowhere else.
    """
    if plan.index is None:
        what = f"the recipe '{plan.name}' has no index to put the corpus of '{suite.name}' into"
        raise QueryError(f"{what}; add one, e.g. extends: starter", code="IMG-723")
    tree = read_merged(recipe, how.profile, list(how.assigned))
    mark = Mark(str(suite.folder / FILE))
    folder = cache_folder() / "indexes" / f"{suite.name}-{_key(suite, plan)}"
    folder.mkdir(parents=True, exist_ok=True)
    own: dict[str, Any] = {"source": dict(suite.corpus), "ledger": {"use": "sqlite", "path": f"{folder}/ledger.sqlite"}}
    nothing = tree_of({"source": None, "ledger": None, "access": None}, mark)
    there = assemble(plan).index
    for place in _places(folder, set(type(plan.index.options).model_fields)):
        try:
            layers = [tree, nothing, tree_of({**own, "index": place}, mark)]
            laid = check_tree(find(recipe), merged(layers), installed_catalog())
            index = assemble(laid).index
        except RecipeError:
            continue  # such as a collection's name for an index in a folder
        if index is not None and there is not None and index.place != there.place:
            return laid
    what = f"the index '{plan.index.name}' cannot be given a place of its own for the corpus of '{suite.name}'"
    raise QueryError(f"{what}; ask the recipe's own index with --no-ingest", code="IMG-723")


def _places(folder: Path, options: set[str]) -> Iterator[dict[str, str]]:
    path, collection = {"path": str(folder / "index")}, {"collection": f"imagora_eval_{folder.name[-16:]}"}
    if {"path", "collection"} <= options:
        yield {**path, **collection}
    if "path" in options:
        yield path
    if "collection" in options:
        yield collection


def _key(suite: Suite, plan: Plan) -> str:
    """Give 16 hex digits of what makes an index: the corpus, and all of the recipe that what is stored depends on."""
    assert plan.index is not None  # noqa: S101 - the caller looked
    name, options = plan.index.said
    stored = [
        [dict(suite.corpus), str(suite.folder.resolve())],
        [planned.said for planned in plan.preparers],
        {leg: planned.said for leg, planned in plan.embedders.items()},
        [name, {key: value for key, value in options.items() if key not in ("path", "collection")}],
        as_json(plan.pictures.model_dump()),
    ]
    return sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()[:16]
