"""What a recipe may say about the retriever `query_fusion`, checked without importing LlamaIndex."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Nested, NestedComponent, Options
from pydantic import Field


class QueryFusionOptions(Options):
    """Which retriever is asked, and in how many wordings."""

    of: Annotated[NestedComponent, Nested("retriever")] = Field(
        description="The retriever that is asked with every wording: {use: hybrid, …}."
    )
    generator: Annotated[NestedComponent, Nested("generator")] = Field(
        description="The model that words the question anew, as a generator: {use: openai, …}."
    )
    queries: int = Field(default=4, ge=2, le=16, description="Wordings in all, the question's own among them.")
    mode: Literal["reciprocal_rerank", "relative_score", "dist_based_score", "simple"] = Field(
        default="reciprocal_rerank", description="How what they find becomes one order."
    )
    top_k: int = Field(default=20, ge=1, le=1_000, description="How many passages are found.")
