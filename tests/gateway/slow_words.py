"""A plugin with a generator that says a word every now and then, as models elsewhere do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from imagora import BuildContext, Component, Options, hookimpl

imagora_api = ">=1.0,<2"


class SlowOptions(Options):
    """None."""


def _build(options: SlowOptions, context: BuildContext) -> Any:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen
    from llama_index.core.llms import MockLLM

    class SlowWords(MockLLM):
        async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            async def parts() -> ChatResponseAsyncGen:
                said = ""
                for number in range(10):
                    said += f"word{number} "
                    yield ChatResponse(message=ChatMessage(role="assistant", content=said), delta="")
                    await asyncio.sleep(0.1)

            return parts()

    return SlowWords()


@hookimpl
def offer_generators() -> list[Component[Any]]:
    return [Component("slow_words", "a word every tenth of a second", SlowOptions, _build)]
