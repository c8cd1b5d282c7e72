"""What a recipe can say about a cache in memory."""

from __future__ import annotations

from imagora_caching.levels import LevelOptions
from pydantic import Field


class CacheOptions(LevelOptions):
    """How long each level is kept, and how much of all of them."""

    entries: int = Field(default=10_000, ge=1, description="how many values are kept; then the longest unused ones go")
    megabytes: float = Field(
        default=128, gt=0, description="how much memory values may take, in megabytes; then the longest unused ones go"
    )
