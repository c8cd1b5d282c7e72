"""Who makes the values: one pipeline, with the versions of its parts, its models and the state of its index."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import cached_property

from imagora.assembly import Stages
from imagora.errors import ImagoraError
from imagora.stages import LocalIndex, VersionedIndex
from imagora_recipe.plan import Plan, Planned

from .keys import digest


class Maker:
    """Says what of a pipeline is in its keys. opened: makes sure that the index is open."""

    def __init__(self, plan: Plan, stages: Stages, opened: Callable[[], Awaitable[None]]) -> None:
        self._plan, self._stages, self._opened = plan, stages, opened

    async def recipe(self) -> str:
        """Say which recipe, which versions of plugins, and which models by their files' sizes and times: a hash."""
        return await asyncio.to_thread(lambda: self._recipe) if "_recipe" not in self.__dict__ else self._recipe

    @property
    def is_at_hand(self) -> bool:
        """Whether it says all of that without waiting for anything: the index is here, and has answered before."""
        return self._is_here and "_recipe" in self.__dict__

    async def content(self) -> str | None:
        """Say which state of which index, "" where nothing is searched; None where that cannot be told."""
        if self._stages.retriever is None:
            return ""
        if (index := self._index) is None:
            return None
        await self._opened()
        version = await index.aversion()
        return None if version is None else f"{index.place} {version}"

    def leg_of(self, embedder: object) -> str | None:
        """Say which of the recipe's embedders it is, by its leg; None for another one."""
        return next((leg for leg, one in self._stages.embedders.items() if one is embedder), None)

    def vectors(self, leg: str) -> str:
        """Say what makes the vectors of a leg; its identity has the hash of its weights."""
        return self._vectors[leg]

    @cached_property
    def _index(self) -> VersionedIndex | None:
        return self._stages.index if isinstance(self._stages.index, VersionedIndex) else None

    @cached_property
    def _is_here(self) -> bool:
        return self._stages.retriever is None or isinstance(self._stages.index, LocalIndex)

    @cached_property
    def _recipe(self) -> str:
        plugins = {one.offer.plugin.name: one.offer.plugin.version for one in self._plan.components()}
        models = [list(_files(one)) for one in self._plan.components()]
        return digest({"name": self._plan.name, "hash": self._plan.hash, "plugins": plugins, "models": models})

    @cached_property
    def _vectors(self) -> dict[str, str]:
        planned = self._plan.embedders
        said = {leg: [one.said, one.offer.plugin.version] for leg, one in planned.items()}
        return {leg: digest([said.get(leg), one.identity()]) for leg, one in self._stages.embedders.items()}


def _files(planned: Planned) -> Iterator[tuple[str, int, int]]:
    models = planned.offer.component.models
    with suppress(ImagoraError, OSError):  # a model that is not there makes no values
        for model in models(planned.options) if models else ():
            for file in model.files():
                there = file.stat()
                yield str(file), there.st_size, there.st_mtime_ns
