"""A chat LLM around another one: pictures made anew, one time for all, one layer of tries, errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from imagora.calls import Passing, Time, tried
from imagora.errors import GeneratorError
from imagora.inline import inline
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import LLM, CustomLLM
from pydantic import PrivateAttr

from .failures import failure
from .options import ChatOptions

MOST_BESIDES, MOST_OF_A_TOKEN = 1_000, 100
"""Characters: an answer with more of them than so many, and so many for each token, has no end."""


@dataclass(frozen=True)
class Host:
    """Who is asked: the component's name and a place, for errors; how a client is had; and what no error may hold.

    tells_ends: its answers say that they are at their end, so that one without was cut off.
    """

    named: str
    client: Callable[[], AbstractAsyncContextManager[LLM]]
    secrets: tuple[str, ...] = ()
    tells_ends: bool = False


class BoundedChat(CustomLLM):
    """A chat LLM that answers through another one, within the recipe's bounds.

    model: its name at its host. images: how many pictures it takes in a prompt, 0 for none. max_pixels: of a
    picture; larger ones are made smaller.
    """

    model: str
    images: int = 0
    max_pixels: int = 1_000_000
    _options: ChatOptions = PrivateAttr()
    _host: Host = PrivateAttr()

    def __init__(self, options: ChatOptions, host: Host) -> None:
        super().__init__(model=options.model, images=options.images, max_pixels=options.max_pixels)
        self._options, self._host = options, host

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "BoundedChat"

    @property
    def metadata(self) -> LLMMetadata:
        """Say which model it is."""
        return LLMMetadata(model_name=self.model, is_chat_model=True, num_output=self._options.max_tokens)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Give the whole answer; a GeneratorError says why there is none."""
        with self._named():
            time = Time(self._options.timeout, self._options.silence)
            shown = await inline(messages, self.images, self.max_pixels)

            async def whole() -> list[ChatResponse]:
                async with aclosing(self._parts(shown, time)) as parts:
                    return [part async for part in parts]

            said = await tried(whole, time, self._options.retries)
            _check_words(said)
            last = said[-1]
            text = "".join(part.delta or "" for part in said)
            return ChatResponse(message=_message(text), raw=last.raw, additional_kwargs=last.additional_kwargs)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncIterator[ChatResponse]:  # type: ignore[override]  # LlamaIndex's own generators are declared so too
        """Give the answer as it is written; each response holds all that was said and, as `delta`, what is new."""
        return self._stream(messages)

    async def _stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
        with self._named():
            time = Time(self._options.timeout, self._options.silence)
            shown = await inline(messages, self.images, self.max_pixels)

            async def begin() -> tuple[ChatResponse, AsyncGenerator[ChatResponse, None]]:
                # Up to the first word another try costs nobody anything; after it, the answer would begin anew.
                parts = self._parts(shown, time)
                async for part in parts:
                    if part.delta:
                        return part, parts
                raise GeneratorError("the model wrote nothing")

            first, rest = await tried(begin, time, self._options.retries)
            said = first.delta or ""
            async with aclosing(rest):
                yield ChatResponse(message=_message(said), delta=said, raw=first.raw)
                async for part in rest:
                    said += part.delta or ""
                    yield ChatResponse(message=_message(said), delta=part.delta or "", raw=part.raw)

    async def _parts(self, messages: list[ChatMessage], time: Time) -> AsyncGenerator[ChatResponse, None]:
        """Make one try and give the other LLM's responses as they come; closing this closes its connection."""
        prompt, size, ended = "\n".join(message.content or "" for message in messages), 0, False
        most = MOST_BESIDES + MOST_OF_A_TOKEN * self._options.max_tokens
        try:
            async with self._host.client() as client:
                time.heard()  # from here on it is the host that we wait for, not the import of its client
                answer = await _within(time, client.astream_chat(messages))
                async with aclosing(answer):  # so that the host stops where we do
                    while (part := await _within(time, anext(answer, None))) is not None:
                        size, ended = size + len(part.delta or ""), ended or bool(_finish_of(part.raw))
                        if size > most:
                            raise GeneratorError(f"it writes without end: more than {most:,} characters")
                        if part.delta:
                            time.heard()
                        yield part
        except GeneratorError:
            raise
        except Exception as error:  # a stranger's client may raise anything
            raise failure(error, prompt, self.model, self._host.secrets) from None
        if self._host.tells_ends and not ended:
            raise Passing("its answer was cut off before its end" if size else "its answer holds nothing at all")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except GeneratorError as error:
            what = f"the generator {self._host.named} has no answer: {error}"
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
        answer = self.chat([ChatMessage(role=MessageRole.USER, content=prompt)])
        return CompletionResponse(text=answer.message.content or "")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:  # type: ignore[override]  # as above
        """Answer a bare text in one piece."""
        whole = self.complete(prompt)
        yield CompletionResponse(text=whole.text, delta=whole.text)


async def _within(time: Time, coming: Any) -> Any:
    try:
        async with asyncio.timeout_at(time.until()) as limit:
            return await coming
    except TimeoutError:
        if limit.expired():
            raise time.over() from None
        raise


def _check_words(said: Sequence[ChatResponse]) -> None:
    if not any(part.delta for part in said):
        raise GeneratorError("the model wrote nothing")


def _message(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def _finish_of(raw: Any) -> str | None:
    choices = getattr(raw, "choices", None)
    finish = getattr(choices[0], "finish_reason", None) if choices else None
    return finish if isinstance(finish, str) else None
