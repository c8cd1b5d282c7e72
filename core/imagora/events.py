"""What `Pipeline.stream` gives while a query is under way."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from .answer import Answer, Passage, StageRecord


@dataclass(frozen=True)
class StageDone:
    """A stage came to its end."""

    stage: StageRecord


@dataclass(frozen=True)
class PassagesFound:
    """The passages that the prompt shows, before the first word of the answer."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class TextPart:
    """More of the answer's text, which the guardrails let through; parts one behind the other are its beginning."""

    text: str


@dataclass(frozen=True)
class AnswerDone:
    """The whole answer, with checked citations; always the last event.

    Its text counts: it differs from the parts where a fallback or a guardrail put another in its place.
    """

    answer: Answer


Event: TypeAlias = StageDone | PassagesFound | TextPart | AnswerDone

listener: ContextVar[Callable[[Event], None] | None] = ContextVar("imagora_listener", default=None)
"""Whom the query that is under way tells its events, None where nobody listens."""


def tell(event: Event) -> None:
    """Tell whoever listens to the query that is under way."""
    hear = listener.get()
    if hear is not None:
        hear(event)
