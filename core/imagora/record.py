"""What happened to one query: a record per stage, and the verdicts that were not "pass"."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .answer import GuardrailRecord, StageRecord
from .errors import ImagoraError, StageError
from .events import StageDone, tell
from .stages import Scope
from .tracing import NoTracer, Span, Tracer

_facts: ContextVar[dict[str, Any] | None] = ContextVar("imagora_facts", default=None)

batch_size: ContextVar[int] = ContextVar("imagora_batch_size", default=1)
"""How many queries went through the model together in the last call of an embedder, as their callers see it."""


def note(**facts: Any) -> None:
    """Add facts to the record of the stage that is running, e.g. `note(batch=8)`; outside of a query do nothing."""
    current = _facts.get()
    if current is not None:
        current.update(facts)


class named:  # noqa: N801 - read as a word: with named(stage, component)
    """Says which stage it was when a stage fails."""

    def __init__(self, stage: str, component: str) -> None:
        self._stage, self._component = stage, component

    def __enter__(self) -> None:
        """Do nothing: it is the end that counts."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Let our own errors be, and say of a stranger's, which may be any, where it was."""
        if isinstance(error, Exception) and not isinstance(error, ImagoraError):
            said = f"the {self._stage} '{self._component}' failed: {type(error).__name__}: {error}"
            raise StageError(said, code="IMG-802") from error


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

    def stage(self, stage: str, component: str, given: object = None) -> AbstractContextManager[Facts]:
        """Time a stage and keep its facts, also when it fails."""
        return _Running(self, stage, component, given)


class _Running:
    # A class, for a generator as a context costs twice the time, and there are ten in a query.
    def __init__(self, record: Record, stage: str, component: str, given: object) -> None:
        self._record, self._stage, self._component = record, stage, component
        self._trace = record.tracer.stage(stage, component, given)

    def __enter__(self) -> Facts:
        self._span = self._trace.__enter__()
        self._facts = Facts(self._span)
        self._token, self._started = _facts.set(self._facts), time.perf_counter()
        return self._facts

    def __exit__(self, *error: Any) -> None:
        seconds = time.perf_counter() - self._started
        _facts.reset(self._token)
        self._span.facts(self._facts)
        self._record.stages.append(StageRecord(self._stage, self._component, seconds, dict(self._facts)))
        if self._record.told:
            tell(StageDone(self._record.stages[-1]))
        self._trace.__exit__(*error)
