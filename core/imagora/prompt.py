"""The prompt: numbered passages and the question as LlamaIndex chat messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_index.core.base.llms.types import ChatMessage
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from .answer import Passage
    from .query import Query


class PromptMessage(ChatMessage):
    """A chat message that knows the query and the passages it was made of; `[n]` in an answer means passages[n - 1].

    Any LLM reads its blocks; a generator that works on the passages themselves reads `passages` and `query`.
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
