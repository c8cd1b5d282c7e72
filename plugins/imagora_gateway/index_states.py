"""What the recipes' indexes hold, for the metrics: looked at now and then, beside the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagora.assembly import Stages, build
from imagora.component import BuildContext
from imagora.ledger import DatedLedger, Ledger
from imagora.stages import GenerationalIndex
from imagora_ingestion.sqlite import SqliteLedger, beside
from imagora_recipe.plan import Plan

from .items import SOURCES
from .logs import log
from .recipes import ServedRecipes

AGE, PATIENCE = 30.0, 2.0
"""Seconds after which it is looked again, and that somebody waits for it; a busy ledger must hold up no metrics."""


@dataclass(frozen=True)
class IndexState:
    """generation: the one that answers. items: in it for good. finished: see `index_state`."""

    generation: int
    items: int
    finished: float | None


class IndexStates:
    """Keeps what was seen last."""

    def __init__(self, recipes: ServedRecipes) -> None:
        self._recipes = recipes
        self._seen: dict[str, IndexState] = {}
        self._looked = -AGE
        self._looking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imagora-index-states")

    async def look(self) -> Mapping[str, IndexState]:
        """Give the states by recipe; those of before where a ledger is slow, none of a recipe without an index."""
        if self._looking is None and time.monotonic() - self._looked >= AGE:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=PATIENCE)
        return dict(self._seen)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._seen = await loop.run_in_executor(self._thread, self._states)
        finally:
            self._looked, self._looking = time.monotonic(), None

    def _states(self) -> dict[str, IndexState]:
        found = {}
        for served in self._recipes.all():
            pipeline = self._recipes.pipeline(served)
            try:
                state = index_state(pipeline.plan, pipeline.stages, leave_out=SOURCES)
            except (
                Exception
            ) as error:  # a stranger's ledger may raise anything; the other metrics are given all the same
                code = getattr(error, "code", type(error).__name__)
                log().warning("the ledger cannot be read", recipe=served.name, code=code)
                continue
            if state is not None:
                found[served.name] = state
        return found


def index_state(plan: Plan, stages: Stages, leave_out: str = "") -> IndexState | None:
    """Say what the index holds, and when an ingest last reached the end of the recipe's source; None without an index.

    finished: in seconds of the epoch, None where it is not known. Where the recipe's own source was never ingested, it
    is the last of the others, without those whose names begin with `leave_out`. The index is not touched, and the
    ledger is one of its own, so that an ingest may run beside it.
    """
    if stages.index is None:
        return None
    number = stages.index.answering if isinstance(stages.index, GenerationalIndex) else 1
    ledger = _another(plan, stages)
    if not ledger.open(number, create=False):
        return None
    try:
        return IndexState(number, ledger.count(), _finished(ledger, stages, leave_out))
    finally:
        ledger.close()


def _another(plan: Plan, stages: Stages) -> Ledger:
    if plan.ledger is None:
        return SqliteLedger(beside(stages.index, plan.name))
    ledger: Ledger = build(plan.ledger, BuildContext(recipe=plan.name, index=stages.index))
    return ledger


def _finished(ledger: Ledger, stages: Stages, leave_out: str) -> float | None:
    if not isinstance(ledger, DatedLedger):
        return None
    ended = ledger.finished_at()
    own = ended.get(stages.source.uri) if stages.source is not None else None
    others = [when for source, when in ended.items() if not (leave_out and source.startswith(leave_out))]
    return max(others, default=None) if own is None else own
