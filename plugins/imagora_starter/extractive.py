"""The extractive generator: the passages' own best sentences, cited, or the plain word that nothing answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

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

from .evidence import Evidence, weigh
from .head import header
from .options import ExtractiveOptions
from .sentences import LONGEST_TITLE, Quotable, clean, quotable
from .towers import text_tower
from .words import content_words

NOTHING = "Nothing in the index answers this."
SAME_PICTURE = 0.9
"""From this cosine on, the query's picture and the item's are most likely the same one, cropped, scaled or mirrored."""
NEARLY_AS_GOOD = 0.1
"""How far behind the best sentence another one may be and still be quoted after it."""


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

    def weights_hash(self) -> str:
        """Give the hash of MiniLM, whose vectors choose the sentences."""
        return header().minilm

    def answer(self, message: ChatMessage) -> str:
        """Answer the question of a prompt from its passages; without passages nothing answers."""
        if not isinstance(message, PromptMessage) or message.query is None or not message.passages:
            return NOTHING
        words = message.query.query_str if message.query.query_str.strip() else ""
        said = self._from_words(words, message.passages) if words else None
        return said or (_from_picture(message.passages) if message.query.pictures else NOTHING)

    def _from_words(self, question: str, passages: Sequence[Passage]) -> str | None:
        asked = content_words(question)
        read = [quotable(number, passage, asked) for number, passage in enumerate(passages, 1)]
        weighed = weigh(question, [passage for passage in read if passage.texts], text_tower(self._options.threads))
        found = [evidence for evidence in weighed if evidence.score >= self._options.words_threshold]
        pictures = self._pictures(passages)
        quotes = _quotes(found, max(1, self._options.sentences - len(pictures)))
        # In the retriever's order where it puts a picture before the first passage that is quoted, else words first.
        first = quotes[0][0] if quotes else 0
        said = [text for number, text in pictures if number < first] + [text for _, text in quotes]
        said += [text for number, text in pictures if number >= first]
        return " ".join(said) or None

    def _pictures(self, passages: Sequence[Passage]) -> list[tuple[int, str]]:
        matching = [
            (score, number, passage)
            for number, passage in enumerate(passages, 1)
            if _wordless(passage) and (score := _cosine_with_words(passage)) >= self._options.picture_threshold
        ]
        best = sorted(matching, key=lambda match: -match[0])[: self._options.sentences]
        return [
            (number, f"The picture {_named(p)} has no words, but what it shows matches [{number}].")
            for _, number, p in best
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
        """Answer word by word; all of it is known before the first one."""
        yield from _pieces(self.chat(messages))

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncIterator[ChatResponse]:  # type: ignore[override]  # as above
        """Answer word by word; all of it is known before the first one."""
        whole = await self.achat(messages)

        async def pieces() -> AsyncIterator[ChatResponse]:
            for piece in _pieces(whole):
                yield piece

        return pieces()


def _quotes(found: Sequence[Evidence], most: int) -> list[tuple[int, str]]:
    # The best passage's best sentence, then what is nearly as good, by passage and in its own order.
    ranked = sorted(found, key=lambda evidence: -evidence.score)
    chosen: list[tuple[float, int, int]] = []
    for rank, evidence in enumerate(ranked):
        chosen += [(score, rank, place) for place, score in enumerate(evidence.sentences or (evidence.score,))]
    lead = max((c for c in chosen if c[1] == 0), default=None)
    if lead is None:
        return []
    others = sorted((c for c in chosen if c != lead and c[0] >= lead[0] - NEARLY_AS_GOOD), key=lambda c: -c[0])
    kept = [lead, *others[: most - 1]]
    return [
        (ranked[rank].passage.number, _quoted(ranked[rank].passage, sorted(place for _, r, place in kept if r == rank)))
        for rank in sorted({rank for _, rank, _ in kept})
    ]


def _quoted(passage: Quotable, places: Sequence[int]) -> str:
    mark = f"[{passage.number}]"
    if not passage.sentences:
        return f"{passage.title or passage.tags} {mark}."
    said = " ".join(_ended(passage.sentences[place], mark) for place in places)
    return f"{passage.title}: {said}" if passage.title else said


def _ended(sentence: str, mark: str) -> str:
    body, end = (sentence[:-1], sentence[-1]) if sentence[-1] in ".!?" else (sentence, ".")
    return f"{body} {mark}{end}"


def _from_picture(passages: Sequence[Passage]) -> str:
    first = passages[0]
    if first.scores.get("image", 0.0) < SAME_PICTURE:
        return f"The most similar picture is {_named(first)} [1]."
    words = quotable(1, first, frozenset()).sentences
    return f"This looks like {_named(first)}" + (f": {_ended(words[0], '[1]')}" if words else " [1].")


def _named(passage: Passage) -> str:
    return f"'{clean(passage.title, LONGEST_TITLE)}'"


def _wordless(passage: Passage) -> bool:
    metadata = passage.node.metadata
    return not (passage.get_content().strip() or metadata.get("title") or metadata.get("tags"))


def _cosine_with_words(passage: Passage) -> float:
    # Where the query has a picture too, the leg `image` holds the cosine with that one.
    return passage.scores.get("image/words", passage.scores.get("image", -1.0))


def _response(text: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text))


def _pieces(whole: ChatResponse) -> Iterator[ChatResponse]:
    text, said = whole.message.content or "", ""
    for piece in re.findall(r"\S+\s*", text):
        said += piece
        yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=said), delta=piece)
