"""One query of a suite, asked of a pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagora import Answer, Passage, Pipeline, Principal, StageRecord
from imagora.errors import ImagoraError, QueryError

from .suite import EvalQuery

if TYPE_CHECKING:
    from imagora.pipeline import QueryParts

REFUSED = "IMG-508"


@dataclass(frozen=True)
class Outcome:
    """What came back: passages, the answer where one was asked for, seconds by stage, and what went wrong.

    refused: a guardrail refused the query or the answer.
    """

    passages: tuple[Passage, ...] = ()
    answer: Answer | None = None
    seconds: float = 0.0
    stages: Sequence[StageRecord] = ()
    refused: bool = False
    error: str = ""

    @property
    def cited(self) -> list[str]:
        """The items that the answer cites, each once."""
        return list(dict.fromkeys(one.uri for one in self.answer.citations)) if self.answer else []

    def by_stage(self) -> dict[str, float]:
        """Give the seconds of each stage with its component, and of all as "total"."""
        found: dict[str, float] = {}
        for record in self.stages:
            name = f"{record.stage} {record.component}"
            found[name] = found.get(name, 0.0) + record.seconds
        return {**found, "total": self.seconds}


def ask(pipeline: Pipeline, query: EvalQuery, *, answer: bool, principal: Principal | None = None) -> Outcome:
    """Ask one query; a failure of a stage is an outcome, a query that cannot be asked at all is raised."""
    parts: QueryParts = {"pictures": list(query.pictures), "principal": principal}
    started = time.perf_counter()
    try:
        found: Any = pipeline.ask(query.text, **parts) if answer else pipeline.search(query.text, **parts)
    except QueryError as error:
        if error.code != REFUSED:
            raise
        return Outcome(seconds=time.perf_counter() - started, refused=True)
    except ImagoraError as error:
        return Outcome(seconds=time.perf_counter() - started, error=str(error))
    seconds = time.perf_counter() - started
    said = found if isinstance(found, Answer) else None
    refused = said.refused if said is not None else False
    return Outcome(found.passages, said, seconds, found.stages, refused)
