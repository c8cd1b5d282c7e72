"""The extractive generator: the passages' own best sentences, cited, or the plain word that nothing answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imagora import Passage
from imagora.prompt import PromptMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import CustomLLM
from pydantic import PrivateAttr

from .options import ExtractiveOptions
from .towers import text_tower

NOTHING = "Nothing in the index answers this."
SAME_PICTURE = 0.9
"""From this cosine on, the query's picture and the item's are the same one, cropped or scaled (starter, measured)."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])|\n+")
_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    [
        "a",
        "about",
        "all",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "its",
        "me",
        "my",
        "of",
        "on",
        "or",
        "our",
        "picture",
        "pictures",
        "photo",
        "photos",
        "photograph",
        "image",
        "images",
        "show",
        "shows",
        "shown",
        "see",
        "tell",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "this",
        "those",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage: the passage's number in the prompt, its words, and the title to read before it."""

    number: int
    text: str
    title: str


class Extractive(CustomLLM):
    """A LlamaIndex chat LLM that answers from the passages its last message was made of."""

    _options: ExtractiveOptions = PrivateAttr()

    def __init__(self, options: ExtractiveOptions | None = None) -> None:
        super().__init__()
        self._options = options or ExtractiveOptions()

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "Extractive"

    @property
    def metadata(self) -> LLMMetadata:
        """Say what it is; it takes passages of any length."""
        return LLMMetadata(model_name="imagora-extractive", is_chat_model=True, context_window=1_000_000)

    def answer(self, message: ChatMessage) -> str:
        """Give the answer to a prompt's last message."""
        if not isinstance(message, PromptMessage) or message.query is None or not message.passages:
            return NOTHING
        if message.query.query_str.strip():
            return self._from_words(message.query.query_str, message.passages)
        return _from_picture(message.passages)

    def _from_words(self, question: str, passages: Sequence[Passage]) -> str:
        found = self._sentences(question, passages) + self._pictures(passages)
        best = sorted(found, key=lambda pair: -pair[0])[: self._options.sentences]
        return " ".join(text for _, text in best) or NOTHING

    def _sentences(self, question: str, passages: Sequence[Passage]) -> list[tuple[float, str]]:
        sentences = [s for number, passage in enumerate(passages, 1) for s in _split(number, passage)]
        if not sentences:
            return []
        # A sentence is read with its passage's title before it: "It weighs 900 g." alone answers nothing.
        texts = [question, *(f"{s.title}. {s.text}" if s.title else s.text for s in sentences)]
        vectors = text_tower(0).embed(texts, 32)
        near = vectors[1:] @ vectors[0]
        asked = _content(question)
        shared = np.array([_share(asked, _content(f"{s.title} {s.text}")) for s in sentences])
        answers = (near >= self._options.words_threshold) & (
            (shared > 0) | (near >= self._options.words_threshold + 0.1)
        )
        order = np.argsort(-(near + 0.2 * shared), kind="stable")
        return [(float(near[n] + 0.2 * shared[n]), _cited(sentences[n])) for n in order if answers[n]]

    def _pictures(self, passages: Sequence[Passage]) -> list[tuple[float, str]]:
        wordless = [(number, p) for number, p in enumerate(passages, 1) if not p.get_content() and not _title(p)]
        scored = [(p.scores.get("image/words", p.scores.get("image", -1.0)), number, p) for number, p in wordless]
        # Cosines of words with pictures lie lower than those of words with words: both count from their threshold on.
        lift = self._options.words_threshold - self._options.picture_threshold
        return [
            (score + lift, f"The picture '{p.title}' has no words, and matches by what it shows [{number}].")
            for score, number, p in scored
            if score >= self._options.picture_threshold
        ]

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Say that nothing answers: a bare text has no passages."""
        return CompletionResponse(text=NOTHING)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:  # type: ignore[override]  # LlamaIndex's own generators are declared so too
        """Say the same in one piece."""
        yield self.complete(prompt)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer from the last message's passages."""
        return _response(self.answer(messages[-1]) if messages else NOTHING)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer from the last message's passages, in a thread: the text tower works while it does."""
        return await asyncio.to_thread(self.chat, messages)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:  # type: ignore[override]  # as above
        """Answer sentence by sentence."""
        yield from _pieces(self.chat(messages))

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncIterator[ChatResponse]:  # type: ignore[override]  # as above
        """Answer sentence by sentence."""
        whole = await self.achat(messages)

        async def pieces() -> AsyncIterator[ChatResponse]:
            for piece in _pieces(whole):
                yield piece

        return pieces()


def _from_picture(passages: Sequence[Passage]) -> str:
    first = passages[0]
    said = f"'{first.title}'"
    if first.scores.get("image", 0.0) >= SAME_PICTURE:
        words = _SENTENCE.split(first.get_content())[0].rstrip(".")
        return f"This is {said}{': ' + words if words else ', which has no words'} [1]."
    return f"The most similar picture is {said} [1]."


def _split(number: int, passage: Passage) -> Iterator[Sentence]:
    title = _title(passage)
    sentences = [part.strip() for part in _SENTENCE.split(passage.get_content()) if part.strip()]
    for text in sentences or ([title] if title else []):
        yield Sentence(number, text, title if sentences else "")


def _title(passage: Passage) -> str:
    return str(passage.node.metadata.get("title") or "")


def _cited(sentence: Sentence) -> str:
    body, end = (sentence.text[:-1], sentence.text[-1]) if sentence.text[-1] in ".!?" else (sentence.text, ".")
    head = f"{sentence.title}: " if sentence.title else ""
    return f"{head}{body} [{sentence.number}]{end}"


def _content(text: str) -> set[str]:
    # Word stems by their first letters are crude, and enough to match plurals: what counts more is the cosine.
    return {word[:6].rstrip("s") for word in _WORD.findall(text.lower()) if word not in _STOP}


def _share(asked: set[str], there: set[str]) -> float:
    return len(asked & there) / len(asked) if asked else 0.0


def _response(text: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text))


def _pieces(whole: ChatResponse) -> Iterator[ChatResponse]:
    text, said = whole.message.content or "", ""
    for piece in re.findall(r"\S+\s*", text):
        said += piece
        yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=said), delta=piece)
