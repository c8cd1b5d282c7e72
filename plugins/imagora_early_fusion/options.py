"""What a recipe may say about `early_fusion`."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Nested, NestedComponent, Options
from pydantic import Field

ABOUT = (
    "Is: the mean of the picture's and the words' unit vectors, with a weight, made unit again; an item with only one "
    "of the two has that one's vector. A query's words and pictures are embedded as they are.\nIs not: a model of its "
    "own. Words and picture must already share a space, and where picture-word cosines are much lower than word-word "
    "ones (CLIP and most others), a small share of words weighs more than its number says."
)


class EarlyFusionOptions(Options):
    """Whose vectors become one, and how much of each."""

    of: Annotated[NestedComponent, Nested("embedder")] = Field(
        description="The embedder of pictures and words whose vectors become one, e.g. {use: clip, model: …}."
    )
    weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="The picture's share, from 0 to 1; the words have the rest. Only items with both are weighed.",
    )
    words: Literal["all", "caption"] = Field(
        default="all",
        description="Which words of an item count: all (title, text, tags, caption, words in the picture), or caption "
        "(title and caption only).",
    )
