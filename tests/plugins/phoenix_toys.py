"""Recipes of toys whose queries are traced, and a stranger's plugin with not a line about tracing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import imagora_ingestion
import imagora_phoenix
import toys
from imagora import BuildContext, Component, Options, Pipeline, hookimpl
from imagora.catalog import Catalog
from imagora.errors import GeneratorError
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, TextBlock
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from toy_recipes import ITEMS, built, recipe_of


class StrangersOptions(Options):
    """None."""


class StrangersReranker(BaseNodePostprocessor):
    """Writes into the very passages that it is given, as many rerankers do."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        for place, node in enumerate(nodes):
            node.score = 100.0 - place
        return nodes[:2]


class BrokenReranker(BaseNodePostprocessor):
    """Fails with words of the query in its error."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        raise LookupError(f"no way to rerank for {query_bundle.query_str if query_bundle else ''}")


class CountingLLM(MockLLM):
    """Answers with what it was told first, and says what that cost."""

    async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
        block = TextBlock(text=f"{messages[-1].content} [1]")
        raw = {"model": "counting-1", "usage": usage}
        return ChatResponse(message=ChatMessage(role="assistant", blocks=[block]), raw=raw)


class BrokenLLM(MockLLM):
    """Has a name and no answer."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="broken-1")

    async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        raise GeneratorError("the server is down")


def _strangers() -> ModuleType:
    module = ModuleType("strangers_plugin")

    @hookimpl
    def offer_rerankers() -> list[Component[Any]]:
        def build(_: StrangersOptions, __: BuildContext) -> Any:
            return StrangersReranker()

        def broken(_: StrangersOptions, __: BuildContext) -> Any:
            return BrokenReranker()

        return [
            Component("strangers_order", "another order", StrangersOptions, build),
            Component("broken_order", "an error", StrangersOptions, broken),
        ]

    @hookimpl
    def offer_generators() -> list[Component[Any]]:
        def build(_: StrangersOptions, __: BuildContext) -> Any:
            return CountingLLM()

        def broken(_: StrangersOptions, __: BuildContext) -> Any:
            return BrokenLLM()

        return [
            Component("counting", "the prompt, and its cost", StrangersOptions, build),
            Component("broken", "no answer", StrangersOptions, broken),
        ]

    module.offer_rerankers, module.offer_generators = offer_rerankers, offer_generators  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return module


CATALOG = Catalog.of(toys, imagora_ingestion, imagora_phoenix, _strangers())
GUARDED = {place: [{"use": "toy_emails"}] for place in ("query", "passages", "answer")}


def traced(folder: Path, url: str, items: Sequence[Any] = ITEMS, traces: Any = None, **sections: Any) -> Pipeline:
    """Give a pipeline of toys, filled, whose queries are traced to an address."""
    told = {"use": "phoenix", "url": url, **(traces or {})}
    pipeline = built(folder, recipe_of(items, traces=told, **sections), CATALOG)
    pipeline.ingest()
    return pipeline


def finish(pipeline: Pipeline) -> Any:
    """Send what is waiting, and give the counts."""
    pipeline.stages.tracer.close()
    pipeline.close()
    return pipeline.stages.tracer.counts  # type: ignore[attr-defined]
