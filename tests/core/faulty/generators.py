"""Faulty generators: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from typing import Any

from imagora import testing as t
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock
from PIL import Image
from toy_stages import ToyQuote

from faulty.making import later, method, stage


class FaultySilence(t.GeneratorContract):
    """It answers nothing."""

    fails = "test_it_answers_in_words"
    stage = stage(later(ToyQuote, "achat", lambda said, messages: ChatResponse(message=ChatMessage(content=""))))


class FaultyCitation(t.GeneratorContract):
    """It cites a passage that there is not."""

    cites_only_passages = True
    fails = "test_it_answers_in_words"
    stage = stage(method(ToyQuote, "_quote", lambda said, message: said.replace("[1]", "[9]")))


class FaultyEcho(t.GeneratorContract):
    """Numbers in a stranger's text come out as citations."""

    cites_only_passages = True
    fails = "test_hostile_text_is_only_text"
    stage = stage(method(ToyQuote, "_quote", lambda said, message: said + (message.content or "")[-9_000:]))


class FaultyStream(t.GeneratorContract):
    """The stream loses its first word."""

    fails = "test_the_stream_says_what_the_whole_says"
    stage = stage(method(ToyQuote, "stream_chat", lambda parts, messages: list(parts)[1:]))


class FaultySpecialTokens(t.GeneratorContract):
    """Special tokens in a stranger's text are an error."""

    real = "vLLM, CVE-2026-44222"
    error = "ValueError"
    fails = "test_hostile_text_is_only_text"

    class Special(ToyQuote):
        def _quote(self, message: ChatMessage) -> str:
            if "<|im_end|>" in (message.content or ""):
                raise ValueError("text contains a special token")
            return super()._quote(message)

    stage = stage(Special)


class FaultyMemoryOfPrompts(t.GeneratorContract):
    """Prompts at once get one answer."""

    fails = "test_the_same_prompt_gets_the_same_answer_at_once_or_later"

    class Held(ToyQuote):
        held: Any = None

        async def achat(self, messages: Any, **kwargs: Any) -> Any:
            self.held = messages
            await asyncio.sleep(0)
            return self.chat(self.held)

    stage = stage(Held)


class FaultyAspect(t.GeneratorContract):
    """A picture of an odd shape is an error of the model's, not of ours."""

    error = "ValueError"
    fails = "test_odd_pictures_are_answered_or_refused_in_words"

    class Square(ToyQuote):
        def _quote(self, message: ChatMessage) -> str:
            for block in message.blocks:
                with Image.open(block.resolve_image()) if isinstance(block, ImageBlock) else nullcontext() as picture:
                    if picture is not None and picture.width > 200 * picture.height:
                        raise ValueError("absolute aspect ratio must be smaller than 200")
            return super()._quote(message)

    stage = stage(Square)


class FaultyCancelledAnswer(t.GeneratorContract):
    """An answer that is cancelled goes on all the same."""

    fails = "test_an_answer_that_is_cancelled_ends_and_harms_no_other"

    class Stubborn(ToyQuote):
        async def achat(self, messages: Any, **kwargs: Any) -> Any:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            return self.chat(messages)

    stage = stage(Stubborn)
