"""A suite: what is asked of a recipe, and what a good answer to it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


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

    corpus: a `source` section as a recipe has it. qrels: by query's id, the grade of each judged item by its uri;
    0 is judged and not relevant. metrics: names as ir-measures spells them, and our own. digest: a hash of queries and
    judgements, so that runs on different ones are never compared.
    """

    name: str
    folder: Path
    corpus: Mapping[str, object]
    queries: Sequence[EvalQuery]
    qrels: Mapping[str, Mapping[str, int]]
    metrics: Sequence[str]
    digest: str
    description: str = ""
