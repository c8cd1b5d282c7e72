"""The generator `vllm`: a LlamaIndex chat LLM on a vLLM server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from typing import Any

from imagora.calls import Time, tried
from imagora.errors import GeneratorError
from imagora.inline import inline
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback
from pydantic import PrivateAttr

from .events import Piece
from .options import VllmOptions
from .request import body_of
from .wire import pieces

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class VllmChat(CustomLLM):
    """A chat LLM that answers through a vLLM server; whoever asks, in whichever event loop, has a call of their own.

    model: its name at the server. images: how many pictures it takes in a prompt, 0 for none. max_pixels: of a
    picture; larger ones are made smaller.
    """

    model: str
    images: int = 0
    max_pixels: int = 1_000_000
    _options: VllmOptions = PrivateAttr()

    def __init__(self, options: VllmOptions) -> None:
        super().__init__(model=options.model, images=options.images, max_pixels=options.max_pixels)
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "VllmChat"

    @property
    def metadata(self) -> LLMMetadata:
        """Say which model it is, and how much it takes."""
        window = self._options.context or LLMMetadata().context_window
        tokens = self._options.max_tokens
        return LLMMetadata(model_name=self.model, is_chat_model=True, context_window=window, num_output=tokens)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Give the whole answer; a GeneratorError says why there is none."""
        with self._named():
            body, prompt, time = await self._asked(messages)

            async def whole() -> list[Piece]:
                async with aclosing(pieces(self._options, body, prompt, time)) as answer:
                    return [piece async for piece in answer]

            said = await tried(whole, time, self._options.retries)
            _check_words(said)
            return _response("".join(piece.text for piece in said), said)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncIterator[ChatResponse]:  # type: ignore[override]  # LlamaIndex's own generators are declared so too
        """Give the answer as it is written; each response holds all that was said and, as `delta`, what is new."""
        answer = self._stream(messages)

        async def give(_self: object, _messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
            return answer

        # LlamaIndex's instrumentation sees what goes in and comes out, and hands the generator on.
        observed = await llm_chat_callback()(give)(self, messages)

        async def closing() -> AsyncIterator[ChatResponse]:
            async with aclosing(answer):  # so that the server stops at once where nobody listens any more
                async for response in observed:
                    yield response

        return closing()

    async def _stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
        with self._named():
            body, prompt, time = await self._asked(messages)

            async def begin() -> tuple[Piece, AsyncGenerator[Piece, None]]:
                # Up to the first word another try costs nobody anything; after it, the answer would begin anew.
                answer = pieces(self._options, body, prompt, time)
                seen = [piece async for piece in _up_to_a_word(answer)]
                _check_words(seen)
                return seen[-1], answer

            first, rest = await tried(begin, time, self._options.retries)
            said, ends = first.text, [first]
            async with aclosing(rest):
                yield _response(said, ends, delta=said)
                async for piece in rest:
                    said += piece.text
                    ends += [piece] if piece.finish or piece.usage else []
                    if piece.text or piece.finish or piece.usage:
                        yield _response(said, ends, delta=piece.text)

    async def _asked(self, messages: Sequence[ChatMessage]) -> tuple[bytes, str, Time]:
        time = Time(self._options.timeout, self._options.silence)
        shown = await inline(messages, self.images, self.max_pixels)
        # The words of the prompt, and pictures as they are sent: what no error may repeat.
        prompt = "\n".join(message.content or "" for message in messages)
        return await asyncio.to_thread(body_of, shown, self._options), prompt, time

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except GeneratorError as error:
            what = f"the generator 'vllm' has no answer from '{self._options.url}': {error}"
            raise GeneratorError(what, code=error.code) from None

    # What LlamaIndex wants besides: without an event loop, and for a bare text.

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Do what `achat` does, from code that is not asynchronous."""
        with ThreadPoolExecutor(1) as thread:
            answer: ChatResponse = thread.submit(asyncio.run, self.achat(messages)).result()
        return answer

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:  # type: ignore[override]  # as above
        """Give the whole answer in one piece."""
        whole = self.chat(messages)
        yield ChatResponse(message=whole.message, delta=whole.message.content, raw=whole.raw)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a bare text."""
        return CompletionResponse(
            text=self.chat([ChatMessage(role=MessageRole.USER, content=prompt)]).message.content or ""
        )

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:  # type: ignore[override]  # as above
        """Answer a bare text in one piece."""
        whole = self.complete(prompt)
        yield CompletionResponse(text=whole.text, delta=whole.text)


async def _up_to_a_word(answer: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    async for piece in answer:
        yield piece
        if piece.text:
            return


def _check_words(said: Sequence[Piece]) -> None:
    if not any(piece.text for piece in said):
        finish = next((piece.finish for piece in reversed(said) if piece.finish), None)
        raise GeneratorError(f"the model wrote nothing (its answer ended with '{finish}')")


def _response(text: str, said: Sequence[Piece], delta: str | None = None) -> ChatResponse:
    finish = next((piece.finish for piece in reversed(said) if piece.finish), None)
    usage = next((piece.usage for piece in reversed(said) if piece.usage), {})
    counts = {name: usage[name] for name in COUNTS if name in usage}
    raw = {"finish_reason": finish, "usage": usage} if finish or usage else None
    message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
    return ChatResponse(message=message, delta=delta, raw=raw, additional_kwargs=counts)
