"""LlamaIndex's integrations by known names: chat LLMs, vector stores, postprocessors and a retriever."""

from __future__ import annotations

from functools import partial
from typing import Any

import imagora
from imagora import BuildContext, Component, Model

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_generators() -> list[Component[Any]]:
    """Offer `openai` and `llama_index`."""
    from .options import LlamaIndexOptions, OpenAIOptions

    return [
        Component(
            name="openai",
            summary="Writes answers with a model of OpenAI's API, which may see pictures.",
            options=OpenAIOptions,
            build=_build_openai,
            requires=("llama_index.llms.openai", "openai"),
            extra="openai",
            models=_models,
            about="Prompts, with their passages and pictures, go to OpenAI or to the host in 'url'.",
        ),
        Component(
            name="llama_index",
            summary="Writes answers with a model by one of LlamaIndex's integrations, such as anthropic or ollama.",
            options=LlamaIndexOptions,
            build=_build_integration,
            models=_models,
            about="The integration's package is installed by you; the error says which. Only the names that Imagora "
            "knows can be used: a recipe holds no import paths. Prompts go where the integration sends them.",
        ),
    ]


def _models(options: Any) -> list[Model]:
    return [Model(options.model)]


@imagora.hookimpl
def offer_indexes() -> list[Component[Any]]:
    """Offer an index for each known vector store."""
    from .stores.known import KNOWN_STORES

    return [
        Component(
            name=store.name,
            summary=store.summary,
            options=store.options,
            build=partial(_build_index, store.name),
            requires=store.requires,
            extra=store.name,
            about=store.about,
        )
        for store in KNOWN_STORES.values()
    ]


def _build_index(name: str, options: Any, context: BuildContext) -> object:
    from .stores.index import EmbeddedStoreIndex, StoreIndex
    from .stores.known import KNOWN_STORES

    known = KNOWN_STORES[name]
    return (EmbeddedStoreIndex if known.alone(options) else StoreIndex)(options, known, context.recipe)


def _build_openai(options: Any, _context: BuildContext) -> object:
    from .hosted import openai_chat

    return openai_chat(options)


def _build_integration(options: Any, _context: BuildContext) -> object:
    from .hosted import integrated_chat

    return integrated_chat(options)


@imagora.hookimpl
def offer_rerankers() -> list[Component[Any]]:
    """Offer a reranker for each known postprocessor."""
    from .known_rerankers import KNOWN_RERANKERS

    return [
        Component(
            name=known.name,
            summary=known.summary,
            options=known.options,
            build=partial(_build_reranker, known.name),
            requires=(known.module,) if known.extra else (),
            extra=known.extra,
            about="Questions and the passages' words go to its host." if known.extra else "",
        )
        for known in KNOWN_RERANKERS.values()
    ]


def _build_reranker(name: str, options: Any, context: BuildContext) -> object:
    from .reranking import reranker

    return reranker(name, options, context)


@imagora.hookimpl
def offer_retrievers() -> list[Component[Any]]:
    """Offer `query_fusion`."""
    from .query_options import QueryFusionOptions

    summary = "asks another retriever in several wordings of the question, which a model makes"
    return [Component("query_fusion", summary, QueryFusionOptions, _build_query_fusion)]


def _build_query_fusion(options: Any, context: BuildContext) -> object:
    from .query_fusion import query_fusion

    return query_fusion(options, context)
