"""What a recipe can say about a hybrid search."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Options
from pydantic import Field


class HybridOptions(Options):
    """One search over several legs, fused into one order."""

    legs: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="the legs to search (image, text, sparse) and their weights, such as {image: 1.0, sparse: 0.5}; "
        "not given: every leg that the recipe has an embedder for, with weight 1; a leg of weight 0 is not searched; "
        "a query may bring weights of its own, which go before these",
    )
    fusion: Literal["rrf", "dbsf", "weighted", "standardised", "calibrated"] = Field(
        default="rrf",
        description="how the legs become one order: rrf by their ranks, dbsf by their scores brought to one scale, "
        "weighted by their raw scores, all three inside the index; standardised: as dbsf, but a hit that has nothing "
        "on a leg (a picture without words) counts as average there instead of as last; worked out from the hits; "
        "calibrated: by how rare such a score is between things of this index that have nothing to do with each other, "
        "learned from a sample of them at the first query",
    )
    rrf_k: int = Field(
        default=60,
        ge=1,
        description="for rrf, a hit of rank r (from 0) adds weight / (rrf_k + r): small: the top counts",
    )
    pictures: Literal["average", "each"] = Field(
        default="average",
        description="what becomes of several pictures in one query: average searches once, half-way between them; "
        "each searches with every one of them, and they share the leg's weight",
    )
    picture_words: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="how much a caption of a query's picture, or the words in it, count on the legs of words, as a "
        "share of the leg's weight; there are such words where the recipe's preparers read pictures",
    )
    negative_weight: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="how far a query moves away from its negative part, as a share of how far it goes to what it wants",
    )
    variety: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="from 0, the best passages however alike they are, to 1, the most different ones: each next one is "
        "chosen by (1 - variety) of how well it fits less variety of how like it is to those chosen already",
    )
    top_k: int = Field(default=20, ge=1, description="passages to give, where the query does not say how many")
    candidates: int | None = Field(
        default=None,
        ge=1,
        description="hits taken from each leg before fusion, at least top_k; not given: twice top_k and at least 50",
    )
