"""Pinecone: an index of the service for each leg."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from imagora.errors import UnusableIndex
from llama_index.vector_stores.pinecone import PineconeVectorStore
from numpy.typing import NDArray
from pinecone import Pinecone, ServerlessSpec

from .neighbours import Neighbours
from .vectors import Matrix

_READY_WITHIN = 120


class PineconeIndex(Neighbours):
    """One index of Pinecone, whose scores are products.

    What is written shows up a moment later; until then it may be missing from what is near, and its count may be old.
    """

    most: ClassVar[int] = 10_000

    @property
    def named(self) -> str:
        return f"{self.options.collection}-{self.leg}".replace("_", "-").lower()

    def count(self) -> int:
        return int(self.store.client.describe_index_stats().total_vector_count)

    def fits(self, numbers: NDArray[np.int64], *, certain: bool) -> bool:
        return not len(numbers) or self.count() > 0

    def near(self, vector: Matrix, limit: int) -> list[int]:
        found = self.store.client.query(
            vector=vector.tolist(), top_k=limit, include_values=False, include_metadata=False
        )
        return [self._number(match.id) for match in found.matches]

    def _opened(self) -> Any:
        o = self.options
        service = Pinecone(api_key=o.api_key.get_secret_value(), **({"host": o.url} if o.url else {}))
        if not service.has_index(self.named):
            service.create_index(
                name=self.named,
                dimension=self.identity.dimension,
                metric="dotproduct",
                spec=ServerlessSpec(cloud=o.cloud, region=o.region),
            )
        return PineconeVectorStore(pinecone_index=service.Index(host=self._host(service)))

    def _host(self, service: Any) -> str:
        until = time.monotonic() + _READY_WITHIN
        while True:
            about = service.describe_index(self.named)
            if about.status.ready:
                break
            if time.monotonic() > until:
                raise UnusableIndex(f"Pinecone's index '{self.named}' is not ready after {_READY_WITHIN} seconds")
            time.sleep(1)
        if about.dimension != self.identity.dimension or about.metric != "dotproduct":
            raise UnusableIndex(
                f"Pinecone's index '{self.named}' has {about.dimension} dimensions and the metric {about.metric}, and "
                f"this leg needs {self.identity.dimension} and dotproduct; name another 'collection'"
            )
        return str(about.host)
