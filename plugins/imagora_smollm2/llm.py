"""The generator `smollm2`: a LlamaIndex chat LLM whose answers are one sentence and one citation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from threading import Event
from typing import Any

from imagora.errors import GeneratorError
from imagora.inert import inert
from imagora.prompt import NO_WORDS, PromptMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata, MessageRole
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback
from pydantic import PrivateAttr

from . import grammar
from .choice import read_for
from .options import Smollm2Options
from .writer import Writer

NOTHING = "Nothing in the index answers this."
ASK = "Answer the question in one sentence, using only the passages, and name the number of the passage."
# One answer as an example: without it, the model explains instead of answering.
_KETTLE = "Context:\n[1] Kettle\n    A steel kettle. It holds two litres.\n\nQuestion: How much does the kettle hold?"
EXAMPLE = (("user", _KETTLE), ("assistant", "It holds two litres. [1]"))
_END = re.compile(r"\.(?: (?:\[(?:\d+\]?)?)?)?$")


class Smollm2(CustomLLM):
    """A chat LLM that writes one sentence from the passages that its last message was made of, and cites one."""

    _options: Smollm2Options = PrivateAttr()
    _writer: Writer = PrivateAttr()

    def __init__(self, options: Smollm2Options | None = None) -> None:
        super().__init__()
        self._options = options or Smollm2Options()
        self._writer = Writer(self._options.weights, self._options.threads)

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "Smollm2"

    @property
    def metadata(self) -> LLMMetadata:
        """Say which model it is, and how much it reads."""
        return LLMMetadata(model_name="SmolLM2-135M-Instruct", is_chat_model=True, context_window=8192, num_output=100)

    def _pieces(self, messages: Sequence[ChatMessage], stop: Event) -> Iterator[str]:
        last = messages[-1] if messages else None
        if not isinstance(last, PromptMessage) or last.query is None:
            said = [(message.role.value, inert(message.content or "")) for message in messages]
            yield from self._writer.write(_prompt(said), grammar.talk(self._options.words), stop)
            return
        question = last.query.query_str.strip() or NO_WORDS
        read = read_for(question, last.passages, self._options.passages)
        if not read:
            yield NOTHING
            return
        shown = "\n".join(f"[{one.number}] {one.title}\n    {one.text or '(a picture without words)'}" for one in read)
        asked = ("user", f"Context:\n{shown}\n\nQuestion: {inert(question)}")
        rules = grammar.answers(read, question, self._options.words, self._options.wording)
        yield from _cited(self._writer.write(_prompt([("system", ASK), *EXAMPLE, asked]), rules, stop), stop)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Give the whole answer; whoever stops waiting stops the model."""
        async with aclosing(_in_a_thread(lambda stop: self._pieces(messages, stop))) as pieces:
            return _response("".join([piece async for piece in pieces]))

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncIterator[ChatResponse]:  # type: ignore[override]  # LlamaIndex's own generators are declared so too
        """Give the answer as it is written; each response holds all that was said and, as `delta`, what is new."""

        async def give(_self: object, _messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
            return stream()

        async def stream() -> AsyncGenerator[ChatResponse, None]:
            said = ""
            async with aclosing(_in_a_thread(lambda stop: self._pieces(messages, stop))) as pieces:
                async for piece in pieces:
                    said += piece
                    yield _response(said, piece)

        observed: AsyncIterator[ChatResponse] = await llm_chat_callback()(give)(self, messages)
        return observed

    # What LlamaIndex wants besides: without an event loop, and for a bare text.

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Do what `achat` does, from code that is not asynchronous."""
        return _response("".join(self._pieces(messages, Event())))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:  # type: ignore[override]  # as above
        """Give the answer as it is written."""
        said = ""
        for piece in self._pieces(messages, Event()):
            said += piece
            yield _response(said, piece)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a bare text, which has no passages to cite."""
        message = ChatMessage(role=MessageRole.USER, content=prompt)
        return CompletionResponse(text=self.chat([message]).message.content or "")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:  # type: ignore[override]  # as above
        """Answer a bare text in one piece."""
        whole = self.complete(prompt)
        yield CompletionResponse(text=whole.text, delta=whole.text)


def _cited(pieces: Iterable[str], stop: Event) -> Iterator[str]:
    # The model ends with '. [1]', people with ' [1].': what may be the end is held back until it is there.
    held = ""
    for piece in pieces:
        held += piece
        sure = held[: end.start()] if (end := _END.search(held)) else held
        if sure:
            yield sure
        held = held[len(sure) :]
    if stop.is_set():
        return
    if not re.fullmatch(r"\. \[\d+\]", held):
        raise GeneratorError("the model 'smollm2' ended without a citation")
    yield f"{held[1:]}."


def _prompt(messages: Sequence[tuple[str, str]]) -> str:
    said = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return f"{said}<|im_start|>assistant\n"


async def _in_a_thread(work: Callable[[Event], Iterator[str]]) -> AsyncGenerator[str, None]:
    """Give what `work` gives, which runs in a thread; leaving stops it at its next token."""
    loop, queue, stop = asyncio.get_running_loop(), asyncio.Queue[str | None](), Event()

    def run() -> None:
        try:
            for piece in work(stop):
                loop.call_soon_threadsafe(queue.put_nowait, piece)
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    working = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        while (piece := await queue.get()) is not None:
            yield piece
        await working
    finally:
        stop.set()


def _response(text: str, delta: str | None = None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)
