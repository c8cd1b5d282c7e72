"""Weaviate: a collection for each leg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

import weaviate
from imagora.errors import UnusableIndex
from llama_index.vector_stores.weaviate import WeaviateVectorStore
from weaviate.auth import Auth
from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Timeout
from weaviate.classes.query import Filter

from .neighbours import Neighbours
from .vectors import Matrix


class WeaviateCollection(Neighbours):
    """One collection of Weaviate, whose distances are products; a number is written as a UUID.

    LlamaIndex's `add` (1.7) does not look at what the server refused, so that vectors would be missing without a word.
    """

    most: ClassVar[int] = 10_000

    @property
    def named(self) -> str:
        name = f"{self.options.collection}_{self.leg}"
        return name[0].upper() + name[1:]

    def count(self) -> int:
        return int(self._collection.aggregate.over_all(total_count=True).total_count or 0)

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        rows = zip(numbers, vectors.tolist(), strict=True)
        objects = [DataObject(properties={}, uuid=self._id(number), vector=row) for number, row in rows]
        done = self._collection.data.insert_many(objects)
        if done.has_errors:
            first = next(iter(done.errors.values()))
            raise UnusableIndex(f"Weaviate refused {len(done.errors)} of {len(numbers)} vectors: {first.message}")

    def remove(self, numbers: Sequence[int]) -> None:
        self._collection.data.delete_many(Filter.by_id().contains_any([self._id(number) for number in numbers]))

    def near(self, vector: Matrix, limit: int) -> list[int]:
        found = self._collection.query.near_vector(vector.tolist(), limit=limit, return_properties=[])
        return [self._number(str(each.uuid)) for each in found.objects]

    def clear(self) -> None:
        self.store.client.collections.delete(self.named)
        self._make(self.store.client)

    def detach(self) -> None:
        if self._store is not None:
            self._store.client.close()
        super().detach()

    def _opened(self) -> Any:
        o = self.options
        parts = urlsplit(o.url)
        secure = parts.scheme == "https"
        client = weaviate.connect_to_custom(
            http_host=parts.hostname or "",
            http_port=parts.port or (443 if secure else 80),
            http_secure=secure,
            grpc_host=o.grpc_host or parts.hostname or "",
            grpc_port=o.grpc_port,
            grpc_secure=secure,
            auth_credentials=Auth.api_key(o.api_key.get_secret_value()) if o.api_key else None,
            additional_config=AdditionalConfig(timeout=Timeout(init=10)),
            skip_init_checks=True,  # they ask PyPI, too, for newer versions of the client
        )
        try:
            if not client.collections.exists(self.named):
                self._make(client)
            return WeaviateVectorStore(weaviate_client=client, index_name=self.named)
        except BaseException:
            client.close()
            raise

    def _make(self, client: Any) -> None:
        distances = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.DOT)
        client.collections.create(
            self.named,
            vectorizer_config=Configure.Vectorizer.none(),
            vector_index_config=distances,
            properties=[Property(name="text", data_type=DataType.TEXT)],
        )

    @property
    def _collection(self) -> Any:
        return self.store.client.collections.get(self.named)

    def _id(self, number: int) -> str:
        return str(UUID(int=number))

    def _number(self, id_: str) -> int:
        return UUID(id_).int
