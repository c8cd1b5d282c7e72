"""A toy generator, to test other parts on: it quotes one passage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM

from imagora.prompt import PromptMessage

MARKER = re.compile(r"\[\d+\]")  # one that stands in a passage would look like a citation of ours
NOTHING = "nothing in the index answers this"


class ToyQuote(CustomLLM):
    """Gives the words of one passage, cited."""

    passage: int = 1

    @property
    def metadata(self) -> LLMMetadata:
        """Give its name."""
        return LLMMetadata(model_name="toy_quote", is_chat_model=True)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=self._quote(messages[-1])))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        said = ""
        for word in re.findall(r"\s*\S+", self._quote(messages[-1])):
            said += word
            yield ChatResponse(message=ChatMessage(role="assistant", content=said), delta=word)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._quote(ChatMessage(content=prompt)))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield CompletionResponse(text=(text := self._quote(ChatMessage(content=prompt))), delta=text)

    def _quote(self, message: ChatMessage) -> str:
        passages = message.passages if isinstance(message, PromptMessage) else ()
        if len(passages) < self.passage:
            return NOTHING
        passage = passages[self.passage - 1]
        words = " ".join(passage.get_content().split()) or passage.title
        return f"{re.sub(MARKER, '', words)} [{self.passage}]"
