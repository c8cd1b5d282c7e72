"""The tracer's protocol: what hears of every stage of a query, ours or a stranger's, without a line of code in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .query import Query


@dataclass(frozen=True)
class Traced:
    """What a trace says of its query before the first stage.

    kind: "answer" or "search". plugins: versions by plugin, of those that the recipe uses. hidden: a guardrail of the
    recipe redacts, so that no text and no picture of the query, the passages or the answer may be shown.
    """

    kind: str
    recipe: str
    recipe_hash: str
    plugins: Mapping[str, str]
    query: Query
    hidden: bool


class Span(Protocol):
    """One span of a trace; it ends when its context does, with the error that left it, if one did."""

    def gave(self, result: object) -> None:
        """Hear what came out: passages, verdicts, the generator's text, or the Answer or Found of a whole query."""

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Hear what the stage noted, such as numbers of passages or what was left out of a prompt."""


class Tracer(Protocol):
    """What `traces` in a recipe stands for. Nothing in it may raise, block or slow down a query."""

    def query(self, traced: Traced) -> AbstractContextManager[Span]:
        """Begin the trace of a query: its root span."""

    def stage(self, stage: str, component: str, given: object) -> AbstractContextManager[Span]:
        """Begin a span in the current one.

        stage: "retriever", "reranker", "guardrail (query)", "guardrail (passages)", "guardrail (answer)", "generator".
        given: what the stage gets: the Query, passages, texts, or the messages of the prompt.
        """

    def close(self) -> None:
        """Send what is waiting, within a short time."""


class NoSpan:
    """A span that nobody looks at."""

    def gave(self, result: object) -> None:
        """Do nothing."""

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Do nothing."""


class NoTracer:
    """A tracer for recipes without one."""

    _span = nullcontext(NoSpan())

    def query(self, traced: Traced) -> AbstractContextManager[Span]:
        """Trace nothing."""
        return self._span

    def stage(self, stage: str, component: str, given: object) -> AbstractContextManager[Span]:
        """Trace nothing."""
        return self._span

    def close(self) -> None:
        """Do nothing."""
