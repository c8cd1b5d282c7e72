"""A suite: what is asked of a recipe, and what a good answer to it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

USUAL_METRICS = ("nDCG@10", "R@1", "R@5", "R@10", "RR", "AP")
"""What is measured of a ranking where a suite names nothing; RR's mean is called MRR, AP's MAP."""


@dataclass(frozen=True)
class EvalQuery:
    """One query of a suite and what is known about its answer.

    id: unique within the suite. text, pictures: what is asked; one of the two may be empty. slices: what it is counted
    under, e.g. {"language": "de"}. answer: a good answer in words, "" where none is known. refuse: whether the one
    right answer is that the corpus does not say it.
    """

    id: str
    text: str = ""
    pictures: Sequence[Path] = ()
    slices: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    refuse: bool = False


@dataclass(frozen=True)
class Suite:
    """A corpus, queries, and judgements.

    corpus: a `source` section as a recipe has it; empty where the recipe's own index is asked. qrels: by query's id,
    the grade of each judged item by its uri; 0 is judged and not relevant. metrics: names as ir-measures spells them.
    digest: a hash of corpus, queries and judgements, so that runs on different ones are never compared. slices: the
    keys of queries' slices that results are shown by. refusals: how an answer in this suite's languages says that it
    does not know, besides the usual English words.
    """

    name: str
    folder: Path
    corpus: Mapping[str, object]
    queries: Sequence[EvalQuery]
    qrels: Mapping[str, Mapping[str, int]]
    metrics: Sequence[str]
    digest: str
    description: str = ""
    slices: Sequence[str] = ()
    refusals: Sequence[str] = ()

    def relevant(self, query: str) -> dict[str, int]:
        """Give the items that are relevant for a query, by its id, with their grades; the best come first."""
        grades = self.qrels.get(query, {})
        return {uri: grade for uri, grade in sorted(grades.items(), key=lambda one: (-one[1], one[0])) if grade > 0}

    def where(self, slices: Mapping[str, str]) -> list[EvalQuery]:
        """Give the queries of these slices, e.g. {"language": "de"}; all of them where none is named."""
        return [one for one in self.queries if slices.items() <= dict(one.slices).items()]
