"""The pipelines of a router: checked, built with the embedders that are loaded already, opened and tried."""

from __future__ import annotations

import asyncio
from pathlib import Path

from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import RecipeError
from imagora.options import NestedComponent
from imagora.pipeline import Pipeline
from imagora.query import Query
from imagora.stages import Embedder
from imagora_recipe.check import check
from imagora_recipe.plan import Plan

from .checking import check_all, unguarded
from .file import RouterPlan

Built = list[tuple[NestedComponent, Embedder]]
PROBE = "a photo"
"""What a new pipeline is asked before it answers others."""


class PipelineMaker:
    """Makes the pipelines of one router; embedders with the same options are loaded once for all of them."""

    def __init__(self, plan: RouterPlan, catalog: Catalog | None) -> None:
        self._plan, self._catalog = plan, catalog
        self._built: dict[str, Built] = {}
        self._plans: dict[str, Plan] = {}

    def all(self) -> dict[str, Pipeline]:
        """Make every pipeline; raise RecipeError with the problems of all recipes."""
        self._plans = check_all(self._plan, self._catalog)
        return {name: self._assembled(name, plan, fresh=False) for name, plan in self._plans.items()}

    async def ready(self, name: str, file: str | Path, *, fresh: bool) -> Pipeline:
        """Make one pipeline anew and try it: its index is opened, and it is asked once where anybody may ask."""
        pipeline = await asyncio.to_thread(self._one, name, file, fresh)
        try:
            await pipeline.ready()
            access = pipeline.plan.access
            if pipeline.stages.retriever is not None and not (access.tenant or access.groups):
                await pipeline.retrieve(Query(query_str=PROBE, top_k=1))
        except BaseException:
            await asyncio.to_thread(pipeline.close)
            raise
        self._plans[name] = pipeline.plan
        return pipeline

    def _one(self, name: str, file: str | Path, fresh: bool) -> Pipeline:
        plan = check(file, self._catalog)
        if problems := unguarded(self._plan, {**self._plans, name: plan}):
            raise RecipeError(problems)
        return self._assembled(name, plan, fresh=fresh)

    def _assembled(self, name: str, plan: Plan, *, fresh: bool) -> Pipeline:
        built: Built = [] if fresh else [pair for pairs in list(self._built.values()) for pair in pairs]
        stages = assemble(plan, built)
        wanted = list(plan.components())
        self._built[name] = [(planned, embedder) for planned, embedder in built if planned in wanted]
        return Pipeline(plan, stages)
