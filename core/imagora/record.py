"""What happened to one query: a record per stage, and the verdicts that were not "pass"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .answer import GuardrailRecord, StageRecord
from .errors import ImagoraError, StageError
from .events import StageDone, tell
from .stages import Scope
from .tracing import NoTracer, Span, Tracer

_facts: ContextVar[dict[str, Any] | None] = ContextVar("imagora_facts", default=None)


def note(**facts: Any) -> None:
    """Add facts to the record of the stage that is running, e.g. `note(batch=8)`; outside of a query do nothing."""
    current = _facts.get()
    if current is not None:
        current.update(facts)


@contextmanager
def named(stage: str, component: str) -> Iterator[None]:
    """Say which stage it was when a stage fails."""
    try:
        yield
    except ImagoraError:
        raise
    except Exception as error:  # a stranger's stage may raise anything
        raise StageError(
            f"the {stage} '{component}' failed: {type(error).__name__}: {error}", code="IMG-802"
        ) from error


class Facts(dict[str, Any]):
    """What a stage says of itself for people to read; `gave` tells the tracer what came out of it."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.gave = span.gave


@dataclass
class Record:
    """The record of one query while it runs, and the scope that ends with it."""

    tracer: Tracer = field(default_factory=NoTracer)
    told: bool = True
    stages: list[StageRecord] = field(default_factory=list)
    verdicts: list[GuardrailRecord] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)

    @contextmanager
    def stage(self, stage: str, component: str, given: object = None) -> Iterator[Facts]:
        """Time a stage and keep its facts, also when it fails."""
        with self.tracer.stage(stage, component, given) as span:
            facts = Facts(span)
            token, started = _facts.set(facts), time.perf_counter()
            try:
                yield facts
            finally:
                seconds = time.perf_counter() - started
                _facts.reset(token)
                span.facts(facts)
                self.stages.append(StageRecord(stage, component, seconds, dict(facts)))
                if self.told:
                    tell(StageDone(self.stages[-1]))
