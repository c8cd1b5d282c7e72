"""A plugin with a generator that breaks off after three words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagora import BuildContext, Component, Options, hookimpl

imagora_api = ">=1.0,<2"


class BreaksOffOptions(Options):
    """None."""


def _build(options: BreaksOffOptions, context: BuildContext) -> Any:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen
    from llama_index.core.llms import MockLLM

    class BreaksOff(MockLLM):
        async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            raise RuntimeError("boom")

        async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            async def parts() -> ChatResponseAsyncGen:
                yield ChatResponse(message=ChatMessage(role="assistant", content="one two three "), delta="")
                raise RuntimeError("boom")

            return parts()

    return BreaksOff()


@hookimpl
def offer_generators() -> list[Component[Any]]:
    return [Component("breaks_off", "fails after three words", BreaksOffOptions, _build)]
