"""The form of a suite's files: what may stand in suite.yaml, and in a line of queries and judgements."""

from __future__ import annotations

from typing import Any, Literal

from imagora import Options
from pydantic import Field, JsonValue, field_validator, model_validator

from .suite import USUAL_METRICS


class SuiteForm(Options):
    """What suite.yaml says."""

    suite: Literal[1] = Field(description="The version of the form of suites: 1.")
    name: str = Field(default="", max_length=80, description="What the suite is called; by default as its folder.")
    description: str = Field(default="", description="What it asks, in a sentence or two.")
    corpus: dict[str, JsonValue] | None = Field(
        default=None,
        description="Where the items are: a `source` section as in a recipe, or `make`, which names what draws or "
        "collects them; left out, the recipe's own index is asked.",
    )
    metrics: tuple[str, ...] = Field(
        default=USUAL_METRICS, min_length=1, description="What is measured of a ranking, as ir-measures spells it."
    )
    slices: tuple[str, ...] = Field(default=(), description="Keys of the queries' slices that results are shown by.")
    refusals: tuple[str, ...] = Field(
        default=(), description="Words by which an answer says that it does not know, besides the usual English ones."
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        from .ranking import measure_of

        for name in metrics:
            measure_of(name)
        return metrics


class QueryLine(Options):
    """A line of queries.jsonl."""

    id: str = Field(min_length=1, max_length=200, pattern=r"^\S+$", description="Unique within the suite.")
    text: str = Field(default="", description="What is asked in words.")
    pictures: tuple[str, ...] = Field(default=(), description="Files within the suite's folder.")
    slices: dict[str, str] = Field(default={}, description='What it is counted under, e.g. {"language": "de"}.')
    answer: str = Field(default="", description="A good answer in words.")
    refuse: bool = Field(default=False, description="Whether the right answer is that the corpus does not say it.")

    @model_validator(mode="before")
    @classmethod
    def _words_for_numbers(cls, said: Any) -> Any:
        return {**said, "id": str(said["id"])} if isinstance(said, dict) and isinstance(said.get("id"), int) else said

    @model_validator(mode="after")
    def _asks(self) -> QueryLine:
        if not self.text.strip() and not self.pictures:
            raise ValueError("it asks nothing: give 'text', 'pictures' or both")
        return self


class QrelLine(Options):
    """A line of qrels.jsonl, or of the TREC form: QUERY 0 ITEM GRADE."""

    query: str = Field(description="A query's id.")
    uri: str = Field(min_length=1, description="An item's name in the corpus, such as its path in the folder.")
    grade: int = Field(ge=0, le=100, description="How relevant it is: 0 not at all, more is better.")
