"""What is asked: words, pictures and filters in one object, from the door to the last stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from llama_index.core.schema import QueryBundle

from .errors import QueryError
from .filters import Filter
from .item import Picture


@dataclass(frozen=True)
class Principal:
    """Who asks: what the index lets through for them depends on it. user is for records only."""

    tenant: str = ""
    groups: tuple[str, ...] = ()
    user: str = ""


@dataclass
class Query(QueryBundle):
    """A LlamaIndex QueryBundle with any number of pictures and a filter.

    query_str: the words, "" for none. pictures: decoded pictures. filter: a condition on metadata, None for all items.
    top_k: how many passages are wanted, None for the recipe's own number. negative, negative_pictures: what the
    passages should be unlike. weights: by leg, in place of the recipe's. principal: who asks, None where recipes do not
    care. picture_words: what a caption or OCR says of each picture, "" for nothing; where it is empty, the recipe's
    preparers read them. session: the conversation that it belongs to, "" for none; nothing that was kept for one is
    given in another. fresh: nothing that a cache kept is wanted.
    """

    query_str: str = ""
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    filter: Filter | None = None
    top_k: int | None = None
    negative: str = ""
    negative_pictures: tuple[Picture, ...] = field(default=(), repr=False)
    weights: Mapping[str, float] = field(default_factory=dict)
    principal: Principal | None = None
    picture_words: tuple[str, ...] = ()
    session: str = ""
    fresh: bool = False

    def __post_init__(self) -> None:
        if not self.query_str.strip() and not self.pictures:
            raise QueryError("a query needs words or a picture, and this one has neither", code="IMG-502")
        if self.picture_words and len(self.picture_words) != len(self.pictures):
            raise QueryError(
                f"there are words of {len(self.picture_words)} pictures, and the query has {len(self.pictures)}"
            )
        if self.top_k is not None and self.top_k < 1:
            raise QueryError(f"the number of passages must be at least 1, and it is {self.top_k}", code="IMG-509")
        for leg, weight in self.weights.items():
            if not (0 <= weight < math.inf):
                raise QueryError(
                    f"the weight of the leg '{leg}' must be a number from 0 on, and it is {weight}", code="IMG-505"
                )
