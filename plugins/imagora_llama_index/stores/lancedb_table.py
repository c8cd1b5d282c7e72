"""LanceDB: a table for each leg, in files of a folder; every vector is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import lancedb
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no type information
from llama_index.vector_stores.lancedb import LanceDBVectorStore

from .neighbours import Neighbours
from .vectors import Matrix

_TIDY_AFTER = 50


class LanceTable(Neighbours):
    """One table of LanceDB.

    Of LlamaIndex's store (0.6) it uses what holds the table. Its `query` compares by distance, whatever is asked of it,
    and raises where nothing is found; its `delete_nodes` is refused by LanceDB 0.40, which reads its ids as columns.
    """

    most: ClassVar[int] = 100_000
    _writes = 0

    def count(self) -> int:
        return int(self._table.count_rows())

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        rows = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        self._table.add(pa.table({"id": pa.array(numbers, pa.int64()), "vector": rows}))
        self._written()

    def remove(self, numbers: Sequence[int]) -> None:
        self._table.delete(f"id IN ({', '.join(map(str, numbers))})")
        self._written()

    def near(self, vector: Matrix, limit: int) -> list[int]:
        found = self._table.search(vector).distance_type("dot").select(["id"]).limit(limit).to_arrow()
        return [int(number) for number in found["id"].to_pylist()]

    def clear(self) -> None:
        self._connection.drop_table(self.leg)
        self._store = self._made()

    def _opened(self) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._connection = lancedb.connect(str(self.folder))
        return self._made()

    def _made(self) -> Any:
        vector = pa.list_(pa.float32(), self.identity.dimension)
        table = self._connection.create_table(
            self.leg, schema=pa.schema({"id": pa.int64(), "vector": vector}), exist_ok=True
        )
        return LanceDBVectorStore(connection=self._connection, table=table, table_name=self.leg)

    @property
    def _table(self) -> Any:
        return self.store.table

    def _written(self) -> None:
        """Put small files together and drop old versions, now and then; every write makes both."""
        self._writes += 1
        if self._writes % _TIDY_AFTER == 0:
            self._table.optimize()
