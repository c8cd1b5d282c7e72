"""What an eval gives: a run with a result for every query, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter


@dataclass(frozen=True)
class QueryResult:
    """What became of one query.

    metrics: by name; one that is not defined for this query is not there. ranking: uri and score, best first.
    seconds: by stage, and "total". error: why there is no result, "" where there is one; what ranks is then 0.
    pictures: the files that were asked with. refused: by a guardrail, or by an answer that says that it does not know.
    cost: of this query, None where the recipe has no prices.
    """

    id: str
    text: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    ranking: Sequence[tuple[str, float]] = ()
    answer: str = ""
    cited: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    pictures: Sequence[str] = ()
    refused: bool = False
    cost: float | None = None


@dataclass(frozen=True)
class EvalRun:
    """One recipe on one suite.

    at: seconds since 1970. generation: of the index. suite_digest: see `Suite.digest`. cost: per 1,000 queries in the
    currency of the recipe's prices, None where it names none. part: which part of the suite was asked, such as
    "language=de", "" for all of it. answered: whether answers were generated, and not only passages found.
    """

    recipe: str
    recipe_hash: str
    suite: str
    suite_digest: str
    at: float
    results: Sequence[QueryResult]
    generation: int = 0
    seconds: float = 0.0
    cost: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    part: str = ""
    answered: bool = False

    def metric(self, name: str) -> dict[str, float]:
        """Give a metric by query's id, for the queries that it is defined for."""
        return {one.id: one.metrics[name] for one in self.results if name in one.metrics}

    def names(self) -> list[str]:
        """Give the names of all metrics that some query has, in the order in which they come first."""
        return list(dict.fromkeys(name for one in self.results for name in one.metrics))

    def mean(self, name: str) -> float:
        """Give a metric's mean over the queries that have it; raises KeyError where none has."""
        values = self.metric(name).values()
        if not values:
            raise KeyError(name)
        return sum(values) / len(values)

    def to_json(self) -> str:
        """Give the run as JSON, which `from_json` reads."""
        return _RUN.dump_json(self, indent=1).decode()

    @staticmethod
    def from_json(text: str | bytes) -> EvalRun:
        """Read a run; raises pydantic.ValidationError for what is none."""
        return _RUN.validate_json(text)


_RUN = TypeAdapter(EvalRun)
