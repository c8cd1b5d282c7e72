"""A generator without a model, for measuring the gateway alone: words at a steady pace, after a first pause."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any

from imagora import BuildContext, Component, Options, hookimpl
from pydantic import Field

_WANTED = re.compile(r"say (\d+) words")


class SteadyOptions(Options):
    """How it speaks."""

    first: float = Field(default=0.2, ge=0, description="Seconds until the first word.")
    pause: float = Field(default=0.02, ge=0, description="Seconds between words.")
    words: int = Field(default=40, ge=1, description="How many words it says, where it is not asked to say 7 words.")


def _build(options: SteadyOptions, context: BuildContext) -> Any:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen
    from llama_index.core.llms import MockLLM

    class Steady(MockLLM):
        async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
            wanted = _WANTED.search(messages[-1].content or "")

            async def parts() -> ChatResponseAsyncGen:
                said, begun = "", time.perf_counter()
                for number in range(int(wanted[1]) if wanted else options.words):
                    # By the clock, so that a busy machine does not make it speak more slowly than it says.
                    due = begun + options.first + number * options.pause
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    said += f"word{number} "
                    yield ChatResponse(message=ChatMessage(role="assistant", content=said), delta="")

            return parts()

    return Steady(max_tokens=None)


@hookimpl
def offer_generators() -> list[Component[Any]]:
    """Offer `steady`."""
    return [Component("steady", "words at a steady pace, without a model", SteadyOptions, _build)]
