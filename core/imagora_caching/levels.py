"""What is kept, and for how long."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from imagora import Options
from pydantic import Field

Level: TypeAlias = Literal["embedding", "prompt", "retrieval", "answer"]
LEVELS: tuple[Level, ...] = get_args(Level)


class LevelOptions(Options):
    """How long each level is kept; every cache has these options."""

    embedding: float = Field(
        default=3600, ge=0, description="seconds that the vector of a query's words or picture is kept; 0: never"
    )
    prompt: float = Field(
        default=1800,
        ge=0,
        description="seconds that the pictures of a prompt are kept, as they were chosen and made smaller; 0: never",
    )
    retrieval: float = Field(
        default=1800, ge=0, description="seconds that the passages of a query are kept, reranked; 0: never"
    )
    answer: float = Field(default=86_400, ge=0, description="seconds that a whole answer is kept; 0: never")
    recheck: bool = Field(
        default=True,
        description="whether the guardrails of answers look at a kept answer again; where they would change anything, "
        "the answer is worked out anew",
    )

    def seconds(self, level: Level) -> float:
        """Say how long a level is kept."""
        seconds: float = getattr(self, level)
        return seconds
