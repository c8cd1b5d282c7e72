"""What comes back: passages, the answer with its citations, and what each stage did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from llama_index.core.schema import BaseNode, NodeWithScore
from pydantic import Field, PrivateAttr

from .unchecked import unchecked

if TYPE_CHECKING:
    from .stages import Place


class Passage(NodeWithScore):
    """An item found for a query: a LlamaIndex NodeWithScore that also knows the raw score on each leg.

    score: the score of the last stage that gave one. scores: cosine per dense leg, BM25 per sparse leg, and a
    reranker's under its name; a leg on which the item has no vector is missing.
    """

    scores: dict[str, float] = Field(default_factory=dict)
    _uri: str | None = PrivateAttr(default=None)  # where a guardrail changed the one in the metadata

    @classmethod
    def of(cls, node: BaseNode, score: float | None, scores: dict[str, float], uri: str | None = None) -> Passage:
        """Make one of parts that need no check: the same as `Passage(…)`, which takes nine times as long.

        uri: the item's name where a guardrail changed it.
        """
        parts = {"node": node, "score": score, "scores": scores}
        return unchecked(cls, parts, {"node", "score", "scores"}, {"_uri": uri})

    @property
    def uri(self) -> str:
        """The item's name in its source; the metadata's `uri` is that name as the guardrails let it be shown."""
        return str(self.node.metadata.get("uri", "")) if self._uri is None else self._uri

    @property
    def title(self) -> str:
        """The item's title, or its name in the source, as the guardrails let it be shown."""
        return str(self.node.metadata.get("title") or self.node.metadata.get("uri") or self.node_id)


@dataclass(frozen=True)
class Citation:
    """A marker in the answer that stands for a passage: `text[start:end]` is "[number]"."""

    number: int
    start: int
    end: int
    item_id: str
    uri: str
    title: str
    picture: str | None
    licence: str | None


@dataclass(frozen=True)
class StageRecord:
    """What one stage did: its place in the recipe, its component, its seconds, and facts for people to read."""

    stage: str
    component: str
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GuardrailRecord:
    """A verdict that was not "pass": where it was given, by which guardrail, and its reasons."""

    place: Place
    guardrail: str
    action: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a search gives: passages, best first, what each stage did, and its trace's id where there is one."""

    passages: tuple[Passage, ...]
    stages: tuple[StageRecord, ...]
    verdicts: tuple[GuardrailRecord, ...] = ()
    trace: str = ""

    @property
    def cached(self) -> float | None:
        """How many seconds ago the passages were found; None where they were found for this query."""
        return _age(self.stages, "cache (retrieval)")


@dataclass(frozen=True)
class Answer:
    """Text with citations to passages, and what each stage did.

    refused: a guardrail stopped the query or the answer, and `text` says so. unknown_markers: citation numbers that the
    generator made up; they were taken out of `text`. degraded: the generator failed, for the reason in
    `degraded_because`, and another one answered, or nobody (then `text` is empty and the passages are all there is).
    trace: the id of its trace, 32 hex digits, where the recipe's tracer gives one.
    """

    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    stages: tuple[StageRecord, ...]
    verdicts: tuple[GuardrailRecord, ...] = ()
    refused: bool = False
    unknown_markers: tuple[int, ...] = ()
    recipe: str = ""
    recipe_hash: str = ""
    degraded: bool = False
    degraded_because: str = ""
    trace: str = ""

    @property
    def cached(self) -> float | None:
        """How many seconds ago the answer was worked out; None where it was worked out for this query."""
        return _age(self.stages, "cache (answer)")

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values, without pictures' bytes."""
        return {
            "text": self.text,
            "refused": self.refused,
            "citations": [asdict(citation) for citation in self.citations],
            "passages": passages_to_dicts(self.passages),
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "stages": [asdict(stage) for stage in self.stages],
            "unknown_markers": list(self.unknown_markers),
            "degraded": self.degraded,
            "degraded_because": self.degraded_because,
            "recipe": self.recipe,
            "recipe_hash": self.recipe_hash,
            "cached": self.cached,
            "trace": self.trace,
        }


def _age(stages: tuple[StageRecord, ...], stage: str) -> float | None:
    return next((float(one.facts["age"]) for one in stages if one.stage == stage and "age" in one.facts), None)


def passages_to_dicts(passages: tuple[Passage, ...]) -> list[dict[str, Any]]:
    """Give passages as JSON values: number, id, score, scores per leg, text and metadata."""
    return [
        {
            "number": number,
            "id": passage.node_id,
            "title": passage.title,
            "score": passage.score,
            "scores": passage.scores,
            "text": passage.get_content(),
            "metadata": passage.node.metadata,
        }
        for number, passage in enumerate(passages, start=1)
    ]
