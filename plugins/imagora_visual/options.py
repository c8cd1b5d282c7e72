"""What a recipe may say about the reranker `visual`."""

from __future__ import annotations

from imagora import Options
from pydantic import Field


class VisualOptions(Options):
    """How much pictures count, and how many passages go on."""

    weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the pictures' likeness in the new score; the rest is the score that a passage came with",
    )
    words: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the query's words in the likeness, where it has pictures too; alone they are all of it",
    )
    negative_weight: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="how much likeness to the query's negative part takes off, as a share of what its opposite adds",
    )
    keep: int | None = Field(
        default=None, ge=1, description="how many passages go on, counted after reordering; left out: all of them"
    )
