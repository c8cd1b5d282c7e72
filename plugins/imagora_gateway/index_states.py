"""What the recipes' indexes hold, for the metrics: looked at now and then, beside the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from imagora_ingestion.state import IndexState, index_state

from .items import SOURCES
from .logs import log
from .recipes import ServedRecipes

AGE, PATIENCE = 30.0, 2.0
"""Seconds after which it is looked again, and that somebody waits for it; a busy ledger must hold up no metrics."""


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
