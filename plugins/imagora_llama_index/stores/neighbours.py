"""What a vector store must be able to do for one dense leg, and how any of LlamaIndex's does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from imagora.stages import Identity
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery
from numpy.typing import NDArray

from .vectors import Matrix


class Neighbours:
    """The vectors of one leg in one of LlamaIndex's vector stores, each a node whose id is a number of the catalogue.

    The store proposes, and the catalogue disposes: what comes of `near` may be old, and its scores are not looked at.
    Nothing but numbers and vectors goes to the store. Vectors are compared by their product.

    keeps: what `add` and `remove` did is there for who opens it anew; else only what was there at the last `save`.
    most: how many `near` gives at most. changed: numbers that came and went since the last `save`.
    """

    keeps: ClassVar[bool] = True
    most: ClassVar[int] = 10_000
    changed: int = 0

    def __init__(self, options: Any, leg: str, identity: Identity, folder: Path) -> None:
        self.options, self.leg, self.identity, self.folder = options, leg, identity, folder
        self._store: BasePydanticVectorStore | None = None

    @property
    def named(self) -> str:
        """What the store calls the place of this leg's vectors."""
        return self.leg

    def attach(self) -> None:
        """Open it, and make what is not there."""
        self._store = self._opened()

    def count(self) -> int:
        """Count the vectors that are there."""
        raise AssertionError

    def fits(self, numbers: NDArray[np.int64], *, certain: bool) -> bool:
        """Say whether it has these numbers, as far as that can be known; certain: it has heard of everything."""
        return not certain or self.count() == len(numbers)

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add vectors, whose numbers are new."""
        nodes = [TextNode(id_=self._id(n), embedding=row) for n, row in zip(numbers, vectors.tolist(), strict=True)]
        self.store.add(list(nodes))

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove vectors; unknown numbers are ignored."""
        self.store.delete_nodes([self._id(number) for number in numbers])

    def near(self, vector: Matrix, limit: int) -> list[int]:
        """Give the numbers of the nearest vectors, best first."""
        found = self.store.query(VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=limit))
        return [self._number(id_) for id_ in found.ids or ()]

    def clear(self) -> None:
        """Begin anew with nothing."""
        self.store.clear()

    def save(self) -> None:
        """Keep what is there, where that is not done by `add` and `remove`."""

    def due(self) -> bool:
        """Say whether it should be made anew out of all vectors."""
        return False

    def detach(self) -> None:
        """Let go of files and connections."""
        self._store = None

    @property
    def store(self) -> Any:
        """The open store of LlamaIndex; its client is of a type of its own."""
        assert self._store is not None  # noqa: S101 - who uses one that is not attached has made a mistake
        return self._store

    def _opened(self) -> Any:
        raise AssertionError

    def _id(self, number: int) -> str:
        return str(number)

    def _number(self, id_: str) -> int:
        return int(id_)
