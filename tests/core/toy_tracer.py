"""A toy tracer: a list of what was told, without words where they are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from imagora.tracing import Traced

_hidden: ContextVar[bool] = ContextVar("hidden", default=True)


class ToyTracer:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def span(self) -> ToySpan:
        return ToySpan(self)

    @contextmanager
    def query(self, traced: Traced) -> Iterator[ToySpan]:
        token = _hidden.set(traced.hidden)
        self.sent.append(f"{traced.kind} {traced.recipe} {'' if traced.hidden else traced.query.query_str}")
        try:
            yield self.span()
        finally:
            _hidden.reset(token)

    @contextmanager
    def stage(self, stage: str, component: str, given: object) -> Iterator[ToySpan]:
        self.sent.append(f"{stage} {component}")
        yield self.span()

    def close(self) -> None:
        pass


class ToySpan:
    def __init__(self, tracer: ToyTracer) -> None:
        self.tracer = tracer

    def gave(self, result: object) -> None:
        self.tracer.sent.append(type(result).__name__ if _hidden.get() else repr(result))

    def facts(self, facts: Mapping[str, Any]) -> None:
        self.tracer.sent.append(" ".join(facts))
