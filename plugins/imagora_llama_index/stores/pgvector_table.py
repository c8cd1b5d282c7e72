"""pgvector: a table of PostgreSQL for each leg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llama_index.vector_stores.postgres import PGVectorStore
from sqlalchemy import make_url, text

from .neighbours import Neighbours
from .vectors import Matrix


class PgVectorTable(Neighbours):
    """One table that LlamaIndex's store makes and fills.

    It is searched by a statement of our own: LlamaIndex's (0.9) compares by cosine, whatever its graph was built for.
    """

    most: ClassVar[int] = 100_000

    @property
    def named(self) -> str:
        return f"{self.options.collection}_{self.leg}".lower()

    def count(self) -> int:
        return int(self._rows("SELECT count(*) FROM {table}")[0][0])

    def remove(self, numbers: Sequence[int]) -> None:
        ids = [self._id(number) for number in numbers]
        with self._client.begin() as connection:
            connection.execute(text(self._said("DELETE FROM {table} WHERE node_id = ANY(:ids)")), {"ids": ids})

    def near(self, vector: Matrix, limit: int) -> list[int]:
        asked = "SELECT node_id FROM {table} ORDER BY embedding <#> CAST(:vector AS vector) LIMIT :limit"
        return [self._number(id_) for (id_,) in self._rows(asked, vector=str(vector.tolist()), limit=limit)]

    def clear(self) -> None:
        with self._client.begin() as connection:
            connection.execute(text(self._said("TRUNCATE {table}")))

    def detach(self) -> None:
        if self._store is not None:
            self._client.dispose()
        super().detach()

    def _opened(self) -> Any:
        o = self.options
        address = make_url(o.url.get_secret_value())
        graph = {"hnsw_m": o.m, "hnsw_ef_construction": o.ef_construct, "hnsw_ef_search": o.ef}
        store = PGVectorStore(
            connection_string=address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False),
            async_connection_string=address.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False),
            table_name=self.named,
            embed_dim=self.identity.dimension,
            hnsw_kwargs={**graph, "hnsw_dist_method": "vector_ip_ops"} if o.kind == "hnsw" else None,
        )
        store.add([])  # makes the table, the graph and the connection
        return store

    @property
    def _client(self) -> Any:
        return self.store.client

    def _said(self, statement: str) -> str:
        return statement.format(table=f'"public"."data_{self.named}"')

    def _rows(self, statement: str, **values: Any) -> list[Any]:
        with self._client.connect() as connection:
            if self.options.kind == "hnsw":
                connection.execute(text(f"SET LOCAL hnsw.ef_search = {min(1_000, self.options.ef)}"))
            rows: list[Any] = connection.execute(text(self._said(statement)), values).fetchall()
            return rows
