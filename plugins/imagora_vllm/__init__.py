"""The generator `vllm`: a vLLM server's OpenAI API, with pictures; and the command that says how to start one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora
from imagora import BuildContext, Component, Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    import typer
    from imagora.health import Check


def _app() -> typer.Typer:
    from .command import app

    return app


imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_generators() -> list[Component[Any]]:
    """Offer `vllm`."""
    from .options import VllmOptions

    def build(options: VllmOptions, _context: BuildContext) -> object:
        from .llm import VllmChat

        return VllmChat(options)

    def checks(options: VllmOptions) -> Iterable[Check]:
        from .health import checks

        return checks(options)

    return [
        Component(
            name="vllm",
            summary="Writes answers with a model on a vLLM server, which may see pictures.",
            options=VllmOptions,
            build=build,
            requires=("httpx",),
            extra="vllm",
            models=lambda options: [Model(options.model)],
            checks=checks,
            about="Speaks to a server that runs elsewhere ('imagora vllm-command' says how to start one); vLLM itself "
            "is not needed here. Pictures are sent inline, re-encoded. No proxy of the environment is used.",
        )
    ]


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer `imagora vllm-command`."""

    summary = "Print the line that starts a vLLM server for a recipe, and the memory that it should need."
    return [imagora.Command(name="vllm-command", summary=summary, app=_app)]
