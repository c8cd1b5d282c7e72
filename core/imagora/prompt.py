"""The prompt: numbered passages and the question, as LlamaIndex chat messages."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock
from pydantic import PrivateAttr

from .answer import Passage
from .query import Query


class PromptMessage(ChatMessage):
    """A chat message that knows the query and the passages it was made of; `[n]` in an answer means passages[n - 1].

    Any LLM reads its text; a generator that works on the passages themselves reads `passages` and `query`.
    """

    _query: Query | None = PrivateAttr(default=None)
    _passages: tuple[Passage, ...] = PrivateAttr(default=())

    @property
    def query(self) -> Query | None:
        """The query, after its guardrails."""
        return self._query

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages in the order of their numbers, after their guardrails."""
        return self._passages


def build_prompt(query: Query, passages: Sequence[Passage], instructions: str) -> list[ChatMessage]:
    """Make the system message and the user's message; passages are numbered from 1 in the order given."""
    shown = "\n".join(_shown(number, passage) for number, passage in enumerate(passages, start=1))
    question = query.query_str or "What does the picture that the question came with show?"
    text = f"Context:\n{shown or '(nothing)'}\n\nQuestion: {question}"
    message = PromptMessage(role=MessageRole.USER, blocks=[TextBlock(text=text)])
    message._query, message._passages = query, tuple(passages)
    return [ChatMessage(role=MessageRole.SYSTEM, content=instructions), message]


def _shown(number: int, passage: Passage) -> str:
    text = passage.get_content()
    return f"[{number}] {passage.title}" + (f"\n    {text}" if text else " (a picture without words)")
