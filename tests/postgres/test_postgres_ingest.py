"""Rows on the road to an index of toys: exact counts, changes since the last run, and no loss when a run breaks off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagora_ingestion
import imagora_postgres
import pytest
import toys
from imagora import Deleted, IngestReport, Item, Pipeline
from imagora.catalog import Catalog
from imagora.errors import SourceError
from imagora_postgres.connecting import reading
from imagora_postgres.source import ChangedRows, Rows
from imagora_postgres.state import read_last
from imagora_postgres.statement import count_of, shape_of
from toy_recipes import built, recipe_of
from toy_stages import square

Sql, Make = Callable[..., Any], Callable[..., Rows]
CATALOG = Catalog.of(toys, imagora_ingestion, imagora_postgres)
TABLE = """CREATE TABLE goods (id int PRIMARY KEY, title text, picture bytea, price int,
    changed timestamptz NOT NULL DEFAULT clock_timestamp(), gone boolean NOT NULL DEFAULT false)"""
SINCE = {"cursor": "changed", "state": "state.json", "deleted": "gone"}


@pytest.fixture
def ingest(sql: Sql, options: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., IngestReport]:
    sql(TABLE)

    def run(**more: Any) -> IngestReport:
        source = {"use": "postgres", **options(**more)}
        sections = {"source": source, "index": {"use": "toy_memory", "path": "index.json"}}
        pipeline: Pipeline = built(tmp_path, recipe_of(**sections), CATALOG)
        with pipeline:
            return pipeline.ingest()

    return run


def kept(folder: Path) -> dict[str, tuple[str, int]]:
    """Give what the index's file holds: title and price by name."""
    entries = json.loads((folder / "index.json").read_text("utf-8"))["entries"]
    payloads = [entry["payload"] for entry in entries]
    assert len({payload["_uri"] for payload in payloads}) == len(payloads)
    return {payload["_uri"]: (payload["title"], payload["price"]) for payload in payloads}


def counts(report: IngestReport) -> dict[str, int]:
    names = "added", "changed", "relabelled", "unchanged", "deleted", "embedded"
    assert report.quarantined == []
    return {name: value for name in names if (value := getattr(report, name))}


def insert(sql: Sql, *rows: tuple[int, str, str, int]) -> None:
    for id_, title, colour, price in rows:
        picture = square(colour).hex()
        sql(f"INSERT INTO goods VALUES ({id_}, '{title}', '\\x{picture}', {price})")


@pytest.mark.parametrize(
    "more", [{}, {"query": "SELECT *, md5(picture) AS hash FROM goods", "columns": {"version": "hash"}}]
)
def test_a_full_run_brings_the_index_to_what_the_table_is(
    sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path, more: dict[str, Any]
) -> None:
    insert(sql, (1, "a rose", "red", 5), (2, "the sea", "blue", 0), (3, "a lemon", "yellow", 1))
    more = {"deleted": "gone", **more}
    assert counts(ingest(**more)) == {"added": 3, "embedded": 3}
    assert counts(ingest(**more)) == {"unchanged": 3}
    sql("UPDATE goods SET price = 6 WHERE id = 1", "UPDATE goods SET title = 'waves' WHERE id = 2")
    sql("UPDATE goods SET gone = true WHERE id = 3")
    assert counts(ingest(**more)) == {"changed": 1, "relabelled": 1, "deleted": 1, "embedded": 1}
    sql(f"UPDATE goods SET picture = '\\x{square('blue').hex()}' WHERE id = 1", "DELETE FROM goods WHERE id = 2")
    assert counts(ingest(**more)) == {"changed": 1, "deleted": 1, "embedded": 1}
    assert kept(tmp_path) == {"1": ("a rose", 6)}


def test_with_a_cursor_only_what_changed_is_read(sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path) -> None:
    since = {**SINCE, "overlap": 0}
    insert(sql, (1, "a rose", "red", 5), (2, "the sea", "blue", 0), (3, "a lemon", "yellow", 1))
    assert counts(ingest(**since)) == {"added": 3, "embedded": 3}
    assert counts(ingest(**since)) == {"unchanged": 1}, "the last row again: another may have the same value"
    sql("UPDATE goods SET price = 6, changed = clock_timestamp() WHERE id = 1")
    sql("UPDATE goods SET gone = true, changed = clock_timestamp() WHERE id = 2")
    insert(sql, (4, "the moon", "yellow", 9))
    assert counts(ingest(**since)) == {"added": 1, "relabelled": 1, "unchanged": 1, "deleted": 1, "embedded": 1}
    assert kept(tmp_path) == {"1": ("a rose", 6), "3": ("a lemon", 1), "4": ("the moon", 9)}


def test_a_transaction_that_committed_late_is_within_the_overlap(
    sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path
) -> None:
    insert(sql, (1, "a rose", "red", 5))
    ingest(**SINCE)
    sql("INSERT INTO goods VALUES (2, 'late', NULL, 1, clock_timestamp() - interval '200 seconds')")
    assert counts(ingest(**{**SINCE, "overlap": 100})) == {"unchanged": 1}
    assert counts(ingest(**SINCE)) == {"added": 1, "unchanged": 1, "embedded": 1}


def test_another_query_reads_every_row_again(sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path) -> None:
    insert(sql, (1, "a rose", "red", 5), (2, "the sea", "blue", 3))
    ingest(**SINCE, overlap=0)
    query = "SELECT id, title, picture, price * 2 AS price, changed, gone FROM goods"
    assert counts(ingest(query=query, **SINCE, overlap=0)) == {"relabelled": 2}
    assert kept(tmp_path)["1"] == ("a rose", 10)


def test_only_what_is_acknowledged_counts_as_read(sql: Sql, rows: Make, tmp_path: Path) -> None:
    sql("CREATE TABLE goods AS SELECT n AS id, 'w' AS text, n / 10 AS seen FROM generate_series(1, 5000) AS n")

    def read(acknowledged: int | None, most: int = 10_000) -> list[int]:
        source = rows(cursor="seen", state=tmp_path / "state.json", overlap=0)
        assert isinstance(source, ChangedRows)
        items: Iterator[Any] = source.items()
        given = [int(item.uri) for _, item in zip(range(most), items, strict=False)]
        if acknowledged is not None:
            source.acknowledge(acknowledged)
        return given

    everything = list(range(1, 5001))
    assert read(None) == everything and read(0) == everything
    assert read(3000, most=3500) == everything[:3500]
    again = read(None)
    assert set(everything[3000:]) <= set(again) and len(again) <= 4100
    assert read(len(again)) == again
    assert read(None) == [5000]
    sql("UPDATE goods SET seen = NULL WHERE id = 17", "INSERT INTO goods VALUES (6000, 'w', 600)")
    assert read(None) == [17, 5000, 6000]


def test_a_run_that_breaks_off_keeps_what_it_has_and_the_next_goes_on(
    sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path
) -> None:
    sql("INSERT INTO goods SELECT n, 'words', NULL, n, now() + n * interval '1 s' FROM generate_series(1, 1200) AS n")
    # Without a sort the server works row by row, so that the error comes after rows were given.
    sql("CREATE INDEX ON goods (changed NULLS FIRST, id)", "ALTER ROLE reader SET enable_sort = off")
    query = (
        "SELECT id, CASE WHEN id > 1000 THEN (1 / (id - 1100))::text || title ELSE title END AS title, price, changed"
    )
    since = {"cursor": "changed", "state": "state.json", "overlap": 0}
    with pytest.raises(SourceError, match="division by zero"):
        ingest(query=f"{query} FROM goods", **since)
    held = len(kept(tmp_path))
    assert 0 < held <= 1100
    sql("UPDATE goods SET id = 5000 WHERE id = 1100")
    report = ingest(query=f"{query} FROM goods", **since)
    assert len(kept(tmp_path)) == 1200 == held + report.added
    assert report.embedded == report.added and report.unchanged <= 1001


def test_a_picture_that_could_not_be_fetched_comes_again(sql: Sql, rows: Make, tmp_path: Path) -> None:
    sql(TABLE)
    insert(sql, (1, "a rose", "red", 5))
    more = {"cursor": "changed", "state": tmp_path / "state.json", "columns": {"version": "price"}}
    source = rows(**more)
    assert isinstance(source, ChangedRows)
    (item,) = source.items()
    assert isinstance(item, Item) and callable(item.picture)
    sql("ALTER ROLE reader NOLOGIN")
    try:
        with pytest.raises(SourceError, match="cannot connect"):
            item.picture()
    finally:
        sql("ALTER ROLE reader LOGIN")
    source.acknowledge(1)
    assert not (tmp_path / "state.json").exists()
    assert len(list(source.items())) == 1


def test_a_lost_index_is_filled_with_every_row_though_the_state_is_there(
    sql: Sql, ingest: Callable[..., IngestReport], tmp_path: Path
) -> None:
    insert(sql, (1, "a rose", "red", 5), (2, "the sea", "blue", 0), (3, "a lemon", "yellow", 1))
    assert ingest(**SINCE, overlap=0).added == 3
    state = (tmp_path / "state.json").read_text()
    for kept_there in tmp_path.glob("index.json*"):
        shutil.rmtree(kept_there) if kept_there.is_dir() else kept_there.unlink()
    assert ingest(**SINCE, overlap=0).added == 3
    assert set(kept(tmp_path)) == {"1", "2", "3"} and (tmp_path / "state.json").read_text() == state


def test_a_restart_reads_every_row_and_is_kept(sql: Sql, rows: Make, tmp_path: Path) -> None:
    sql(TABLE)
    insert(sql, (1, "a rose", "red", 5), (2, "the sea", "blue", 0))
    more = {"cursor": "changed", "state": tmp_path / "state.json", "overlap": 0}
    source = rows(**more)
    assert isinstance(source, ChangedRows)
    source.restart()
    assert len(list(source.items())) == 2
    source.acknowledge(2)
    assert len(list(source.items())) == 1
    source.restart()
    assert len(list(rows(**more).items())) == 2


def test_a_deleted_row_is_told_once_it_is_deleted(sql: Sql, rows: Make, tmp_path: Path) -> None:
    sql(TABLE, "INSERT INTO goods (id, title, gone) VALUES (1, 'w', true)")
    assert list(rows(**{**SINCE, "state": tmp_path / "s.json"}).items()) == [Deleted("1")]


def test_a_broken_state_is_named_with_what_to_do(sql: Sql, rows: Make, tmp_path: Path) -> None:
    sql(TABLE)
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(SourceError, match="remove it to read every row"):
        list(rows(**{**SINCE, "state": tmp_path / "s.json"}).items())


CURSORS = {
    "timestamptz": ("timestamptz '2026-01-01' + n * interval '1 min'", 300, 6),
    "timestamp": ("timestamp '2026-01-01' + n * interval '1 min'", 300, 6),
    "date": ("date '2026-01-01' + n", 86400, 2),
    "int4": ("n", 5, 6),
    "int8": ("n::bigint * 10000000000", 0, 1),
    "numeric": ("n / 4.0", 0.5, 3),
    "float8": ("n / 10.0::float8", 0, 1),
    "text": ("to_char(n, 'FM00000')", 0, 1),
    "uuid": ("lpad(n::text, 32, '0')::uuid", 0, 1),
}


@pytest.mark.parametrize("type_", CURSORS)
def test_a_cursor_of_any_ordered_type_goes_on_where_it_was(sql: Sql, rows: Make, tmp_path: Path, type_: str) -> None:
    value, overlap, again = CURSORS[type_]
    sql(
        f"CREATE TABLE goods AS SELECT n AS id, 'w' AS text, ({value})::{type_} AS seen"
        " FROM generate_series(1, 9999) AS n",
        "CREATE INDEX ON goods (seen)",
        "ANALYZE goods",
    )
    source = rows(cursor="seen", state=tmp_path / "state.json", overlap=overlap)
    assert isinstance(source, ChangedRows)
    source.acknowledge(len(list(source.items())))
    assert [item.uri for item in source.items()] == [str(number) for number in range(10000 - again, 10000)]
    assert source.count() == again
    with reading(source.options) as connection:
        shape = shape_of(connection, source.options)
        statement = b"EXPLAIN " + count_of(source.options, shape, read_last(source.options, shape))
        assert "goods_seen_idx" in str(connection.execute(statement).fetchall())
