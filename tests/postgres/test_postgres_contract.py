"""`postgres` keeps the contracts of components, sources and feeds; that of ledgers is in test_postgres_ledger.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from imagora import Component, Deleted, Item
from imagora.testing import ComponentContract, FeedContract, SourceContract
from imagora_postgres.source import ChangedRows, Rows

GOODS = """
CREATE TABLE goods (id text PRIMARY KEY, title text, text text, tags text[], picture bytea, price numeric(10, 2),
    extra jsonb, changed timestamptz DEFAULT '2026-01-02 03:04:05.678901+02');
INSERT INTO goods VALUES
    ('a', 'A sofa', 'Blue and soft.', '{blue,soft}', '\\x89504e47', 120.50, '{"rooms": 2}'),
    ('b', 'A bed', NULL, NULL, NULL, 300, NULL),
    ('c', NULL, NULL, NULL, '\\xffd8', NULL, '{"made": {"in": "Rome"}}'),
    ('d', NULL, NULL, NULL, NULL, 7, NULL)
"""


class TestPostgresComponent(ComponentContract):
    plugin = "imagora_postgres"
    examples: ClassVar = {"postgres": {"name": "goods", "query": "SELECT 1 AS id", "dbname": "shop"}}

    def offers(self) -> Iterator[tuple[str, Component[Any]]]:
        return ((kind, component) for kind, component in super().offers() if kind == "sources")


class TestPostgresLedgerComponent(ComponentContract):
    plugin = "imagora_postgres"
    examples: ClassVar = {"postgres": {"dbname": "shop"}}

    def offers(self) -> Iterator[tuple[str, Component[Any]]]:
        return ((kind, component) for kind, component in super().offers() if kind == "ledgers")


class TestAllRows(SourceContract):
    @pytest.fixture
    def stage(self, sql: Callable[..., Any], rows: Callable[..., Rows]) -> Rows:
        sql(GOODS)
        return rows()


class TestChangedRows(SourceContract):
    @pytest.fixture
    def stage(self, sql: Callable[..., Any], rows: Callable[..., Rows], tmp_path: Path) -> Rows:
        sql(GOODS)
        stage = rows(cursor="changed", state=tmp_path / "state.json")
        assert isinstance(stage, ChangedRows)
        return stage


class TestChangedRowsAsFeed(FeedContract):
    repeats = True  # it keeps one value of the cursor, and rows may share it

    @pytest.fixture
    def reopen(self, sql: Callable[..., Any], rows: Callable[..., Rows], tmp_path: Path) -> Callable[[], Rows]:
        sql("CREATE TABLE goods (id text PRIMARY KEY, text text, gone boolean, step bigserial)")
        return lambda: rows(cursor="step", deleted="gone", overlap=0, state=tmp_path / "state.json")

    @pytest.fixture
    def tell(self, sql: Callable[..., Any]) -> Callable[[Sequence[Item | Deleted]], None]:
        def change(thing: Item | Deleted) -> str:
            said = f"'{thing.text}', false" if isinstance(thing, Item) else "NULL, true"
            values = f"VALUES ('{thing.uri}', {said}) ON CONFLICT (id) DO UPDATE SET"
            return (
                f"INSERT INTO goods (id, text, gone) {values} text = excluded.text, gone = excluded.gone, "
                "step = excluded.step"
            )

        return lambda things: sql(*map(change, things))
