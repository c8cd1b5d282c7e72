"""The trace that a request belongs to: the queries of it go on with that one, so that one id finds all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imagora.tracing import TraceParent
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_given: ContextVar[str] = ContextVar("imagora_phoenix_trace", default="")


class GivenIds(RandomIdGenerator):
    """Makes ids of traces at random, or takes the one that is given."""

    @contextmanager
    def given(self, trace: str) -> Iterator[None]:
        """Let a trace that begins here have this id; "" lets chance decide."""
        token = _given.set(trace)
        try:
            yield
        finally:
            _given.reset(token)

    def generate_trace_id(self) -> int:
        """Give the id of a new trace."""
        return int(given, 16) if (given := _given.get()) else super().generate_trace_id()


def of_a_request(above: api.SpanContext) -> TraceParent | None:
    """Give where a request belongs by OpenTelemetry's own context: a span elsewhere that a propagator read from it.

    Not a span of this process: an application may answer thousands of queries in one, and each is a trace to look at.
    """
    if not (above.is_valid and above.is_remote):
        return None
    return TraceParent(f"{above.trace_id:032x}", f"{above.span_id:016x}")


def context_of(said: TraceParent | None) -> Context:
    """Give the context of a root span: a child of the caller's span, where there is one.

    It is recorded whether or not the caller records its own: the recipe asks for traces.
    """
    if said is None or not said.span:
        return Context()
    flags = api.TraceFlags(api.TraceFlags.SAMPLED)
    caller = api.SpanContext(int(said.trace, 16), int(said.span, 16), is_remote=True, trace_flags=flags)
    return api.set_span_in_context(api.NonRecordingSpan(caller), Context())
