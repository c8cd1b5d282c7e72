"""Milvus: a collection for each leg, in a file (Milvus Lite) or on a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llama_index.vector_stores.milvus import MilvusVectorStore

from .neighbours import Neighbours
from .vectors import Matrix


class Milvus(Neighbours):
    """One collection of Milvus, whose scores are products; reads see what was written before them."""

    most: ClassVar[int] = 16_384

    @property
    def named(self) -> str:
        return f"{self.options.collection}_{self.leg}"

    def count(self) -> int:
        rows = self.store.client.query(self.named, filter="", output_fields=["count(*)"], consistency_level="Strong")
        return int(rows[0]["count(*)"])

    def remove(self, numbers: Sequence[int]) -> None:
        self.store.client.delete(self.named, ids=[self._id(number) for number in numbers])

    def near(self, vector: Matrix, limit: int) -> list[int]:
        found = self.store.client.search(
            self.named, data=[vector.tolist()], limit=limit, anns_field="embedding", consistency_level="Strong"
        )
        return [self._number(hit["id"]) for hit in found[0]]

    def clear(self) -> None:
        self.store.client.drop_collection(self.named)
        self._store = self._made()

    def detach(self) -> None:
        if self._store is not None:
            self._store.client.close()
        super().detach()

    def _opened(self) -> Any:
        if self.options.url is None:
            self.folder.mkdir(parents=True, exist_ok=True)
        return self._made()

    def _made(self) -> Any:
        token = self.options.api_key
        where: dict[str, Any] = {"uri": self.options.url or str(self.folder / "milvus.db")}
        where |= {"token": token.get_secret_value()} if token else {}
        return MilvusVectorStore(
            **where,
            collection_name=self.named,
            dim=self.identity.dimension,
            similarity_metric="IP",
            consistency_level="Strong",
            index_config={"index_type": self.options.kind.upper()},
            use_async_client=False,
        )
