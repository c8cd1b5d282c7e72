"""`batching` on an embedder or a reranker in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagora.options import Options
from pydantic import Field

KEY = "batching"
OFF = "off"
"""What a recipe says in its place where calls are to stay apart."""
BATCHED_KINDS = ("embedder", "reranker")


class Batching(Options):
    """How concurrent calls of one component are gathered into one call of its model; what is not set, it may say."""

    wait: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="How long a query waits for others at most, in seconds, counted from when it came; one that comes "
        "alone waits for nothing.",
    )
    most: int = Field(
        default=32,
        ge=1,
        le=1024,
        description="How many queries go through the model together at most; where this is not said, a component may "
        "know better.",
    )
    at_once: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many such calls run at once. More than one helps where the component says that it is "
        "`parallel` and one call does not use all cores. Where this is not said, it may know better, too.",
    )


def suited(stage: object, what: str, said: Batching) -> Batching:
    """Give what a recipe says, and for what it does not, what the stage says of `what` in `usual_batching`.

    what: "words" or "pictures" of queries, or "pairs" of a reranker.
    """
    usual: Mapping[str, Any] = getattr(stage, "usual_batching", {}).get(what, {})
    return Batching(**{**usual, **said.model_dump(exclude_unset=True)})
