"""What is asked: words, pictures and filters in one object, from the door to the last stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from llama_index.core.schema import QueryBundle

from .errors import QueryError
from .filters import Filter
from .item import Picture


@dataclass
class Query(QueryBundle):
    """A LlamaIndex QueryBundle with any number of pictures and a filter.

    query_str: the words, "" for none. pictures: decoded pictures. filter: a condition on metadata, None for all items.
    top_k: how many passages are wanted, None for the recipe's own number.
    """

    query_str: str = ""
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    filter: Filter | None = None
    top_k: int | None = None

    def __post_init__(self) -> None:
        if not self.query_str.strip() and not self.pictures:
            raise QueryError("a query needs words or a picture, and this one has neither")
        if self.top_k is not None and self.top_k < 1:
            raise QueryError(f"the number of passages must be at least 1, and it is {self.top_k}")
