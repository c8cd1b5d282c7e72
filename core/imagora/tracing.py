"""The tracer's protocol: what hears of every stage of a query, ours or a stranger's, without a line of code in it.

Whoever takes requests says with `request` which trace a query belongs to:
`request.set(TraceParent.of(headers["traceparent"]))`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .query import Query

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


@dataclass(frozen=True)
class TraceParent:
    """The trace that a request belongs to.

    trace: its id, 32 hex digits. span: that of the caller's span, 16 hex digits; empty where the trace begins here.
    """

    trace: str
    span: str = ""

    @classmethod
    def of(cls, header: str) -> TraceParent | None:
        """Read a `traceparent` (https://www.w3.org/TR/trace-context/); None for what is none."""
        match = _TRACEPARENT.fullmatch(header.strip())
        return cls(match[1], match[2]) if match else None


request: ContextVar[TraceParent | None] = ContextVar("imagora_trace_parent", default=None)
"""Where the queries of this task belong; None: each is a trace of its own."""


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


@runtime_checkable
class TraceSpan(Span, Protocol):
    """A span that knows its trace: a query's answer then has its id."""

    @property
    def trace(self) -> str:
        """The trace's id, 32 hex digits."""


@runtime_checkable
class TracerWithPages(Tracer, Protocol):
    """A tracer whose traces people can look at."""

    def address(self, trace: str) -> str | None:
        """Give the address of a trace's page by its id, None where there is none; nothing is asked."""


def trace_of(span: Span) -> str:
    """Give the id of a span's trace, "" where it does not know it."""
    # Before Python 3.12 a protocol is looked through at every question.
    return span.trace if type(span) is not NoSpan and isinstance(span, TraceSpan) else ""


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
