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
from .stages import Scope

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
        raise StageError(f"the {stage} '{component}' failed: {type(error).__name__}: {error}") from error


@dataclass
class Record:
    """The record of one query while it runs, and the scope that ends with it."""

    stages: list[StageRecord] = field(default_factory=list)
    verdicts: list[GuardrailRecord] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)

    @contextmanager
    def stage(self, stage: str, component: str) -> Iterator[dict[str, Any]]:
        """Time a stage and keep its facts, also when it fails."""
        facts: dict[str, Any] = {}
        token, started = _facts.set(facts), time.perf_counter()
        try:
            yield facts
        finally:
            seconds = time.perf_counter() - started
            _facts.reset(token)
            self.stages.append(StageRecord(stage, component, seconds, facts))
