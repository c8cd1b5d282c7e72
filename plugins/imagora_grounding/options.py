"""The options of the guardrail `grounding`."""

from __future__ import annotations

from typing import Literal

from imagora import Options
from pydantic import Field

ABOUT = """
Each sentence of an answer is held against the passages that the prompt showed: those that it cites, or all where it
cites none. Its numbers with their units, and its names, must stand there; what is left is compared by the recipe's text
embedder and by shared words, or by shared words alone where there is no embedder. It is no judge of logic: a wrong
sentence made of a passage's own words and numbers can pass, and a right one in quite other words can be stopped.
`python -m imagora_benchmarks.grounding` measures it. It acts on answers only; one line under `answer` is enough.
"""


class GroundingOptions(Options):
    """How well a sentence must be supported, and what is done with one that is not."""

    action: Literal["flag", "drop", "refuse"] = Field(
        default="flag",
        description="flag: `note` is put behind the sentence; drop: the sentence is taken out, and an answer of which "
        "nothing is left is refused; refuse: the whole answer is refused",
    )
    threshold: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="how similar a sentence and a passage must be, from 0 to 1: the mean of their cosine and of the "
        "share of the sentence's words that the passage has; without a text embedder that share alone; nothing means "
        "0.45 with an embedder and 0.5 without",
    )
    cited_only: bool = Field(
        default=True,
        description="whether a sentence with citations is held against the cited passages only",
    )
    pictures: Literal["pass", "check"] = Field(
        default="pass",
        description="pass: a sentence that cites nothing but pictures without words passes, for words cannot say what "
        "they show; check: it is held against their titles and metadata",
    )
    note: str = Field(
        default="(not found in the sources)", description="what `flag` puts behind a sentence; may be empty"
    )
    allow: tuple[str, ...] = Field(
        default=(),
        description="sentences that need no support, e.g. 'Thank you for your question.'; compared without case",
    )
