"""A plugin with an embedder whose process ends whenever a query's words are embedded, and never while one ingests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from imagora import BuildContext, Component, Identity, Options, hookimpl
from imagora.errors import StageCrashed

imagora_api = ">=1.0,<2"


class CrashesOptions(Options):
    """None."""


def _build(options: CrashesOptions, context: BuildContext) -> Any:
    from imagora.testing.toy_embedders import ToyColour

    class Crashes(ToyColour):
        def identity(self) -> Identity:
            return replace(super().identity(), embedder="crashes")

        def _get_query_embedding(self, query: str) -> list[float]:
            raise StageCrashed("the process of the embedder 'crashes' ended")

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    return Crashes(model_name="crashes")


@hookimpl
def offer_embedders() -> list[Component[Any]]:
    return [Component("crashes", "ends while a query's words are embedded", CrashesOptions, _build)]
