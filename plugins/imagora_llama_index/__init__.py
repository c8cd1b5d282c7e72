"""Generators out of LlamaIndex's integrations: `openai`, and `llama_index` for the others by name."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component, Model


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


def _build_openai(options: Any, _context: BuildContext) -> object:
    from .hosted import openai_chat

    return openai_chat(options)


def _build_integration(options: Any, _context: BuildContext) -> object:
    from .hosted import integrated_chat

    return integrated_chat(options)
