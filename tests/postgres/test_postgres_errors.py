"""What goes wrong with a server is said in words, without a password, and nothing is ever written to the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from imagora.errors import SourceError
from imagora_postgres.options import PostgresOptions
from imagora_postgres.source import Rows

Sql, Make = Callable[..., Any], Callable[..., Rows]


def said(source: Rows) -> str:
    with pytest.raises(SourceError) as caught:
        list(source.items())
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return str(caught.value)


def test_wrong_sql_is_named_with_its_place(sql: Sql, rows: Make) -> None:
    sql("CREATE TABLE goods (id int, title text)")
    assert said(rows("SELECT id,\n  titel\nFROM goods")).startswith(
        'the query cannot be run: column "titel" does not exist at line 2, column 3 of the query (Perhaps'
    )
    assert said(rows("SELECT * FROM good")).endswith('relation "good" does not exist at line 1, column 15 of the query')
    assert 'syntax error at or near ";" at line 1' in said(rows("SELECT 1 AS id; DROP TABLE goods"))
    assert "division by zero" in said(rows("SELECT id / 0 AS id FROM generate_series(1, 3) AS id"))


def test_a_query_that_writes_is_refused_by_the_server(sql: Sql, rows: Make) -> None:
    sql(
        "CREATE TABLE goods (id int)",
        "CREATE FUNCTION clear() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM goods RETURNING id'",
        "INSERT INTO goods VALUES (1), (2)",
    )
    words = "the query would write, and the server refused it in a read-only transaction: cannot execute DELETE"
    assert said(rows("SELECT clear() AS id")).startswith(words)
    assert "data-modifying statement must be at the top level" in said(
        rows("WITH gone AS (DELETE FROM goods RETURNING id) SELECT id FROM gone")
    )
    ends = "SELECT 1 AS id) AS q; COMMIT; DELETE FROM goods; SELECT 1 FROM (SELECT 1 AS id"
    assert "cannot insert multiple commands" in said(rows(ends))
    assert sql("SELECT count(*) FROM goods") == [(2,)]


def test_a_column_that_is_not_there_is_named_with_what_there_is(sql: Sql, rows: Make) -> None:
    query = "SELECT 1 AS sku, 'w' AS title"
    assert said(rows(query)) == "the query gives no column 'id' for 'columns.id' (there is: sku, title)"
    assert "no column 'titel' for 'columns.title'; did you mean 'title'?" in said(
        rows(query, columns={"id": "sku", "title": "titel"})
    )
    assert "two of the query's columns are called 'id'" in said(rows("SELECT 1 AS id, 2 AS id"))


def test_a_query_that_takes_too_long_is_stopped(sql: Sql, rows: Make) -> None:
    words = "statement timeout; its limit is 'timeout: 0.2' seconds"
    assert words in said(rows("SELECT 1 AS id, pg_sleep(30)::text AS text", timeout=0.2))


def test_no_password_is_in_an_error(sql: Sql, rows: Make) -> None:
    wrong = "wr0ng-and-l0ng"
    port = rows().options.port
    dsns = [
        f"postgresql://reader:{wrong}@127.0.0.1:{port}/shop",  # refused by the server
        f"postgresql://reader:{wrong}@127.0.0.1:1/shop",  # nobody listens
        f"postgresql://reader:{wrong}@no.such.host.invalid/shop?connect_timeout=3",
        f"postgresql://reader:{wrong}%zz@127.0.0.1/shop",  # cannot be read
        f"host=127.0.0.1 {wrong}",
    ]
    for dsn in dsns:
        options = PostgresOptions(name="goods", query="SELECT 1 AS id", dsn=dsn)
        assert wrong not in repr(options) + options.model_dump_json()
        assert wrong not in (words := said(Rows(options)))
        assert words.startswith(("cannot connect to PostgreSQL at '", "the dsn cannot be read; its form is"))
    assert "password authentication failed" in said(rows(password=wrong))
    assert f"'127.0.0.1:{port}/shop'" in said(rows(password=wrong))


def test_a_lost_connection_is_said_in_words(sql: Sql, rows: Make) -> None:
    sql("CREATE TABLE goods AS SELECT n AS id, repeat('w', 100) AS text FROM generate_series(1, 20000) AS n")
    items = rows().items()
    first = [next(items) for _ in range(10)]
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'imagora'")
    with pytest.raises(
        SourceError, match="the connection to PostgreSQL was lost: .*; what is ingested stays, so run it"
    ):
        list(items)
    assert len(first) == 10


def test_no_connection_is_left_open(sql: Sql, rows: Make) -> None:
    sql("CREATE TABLE goods AS SELECT n AS id, 'w' AS text FROM generate_series(1, 2000) AS n")
    source = rows()
    items = source.items()
    next(items)
    items.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(list(source.items())) == source.count() == 2000
    assert sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'imagora' AND state <> 'idle'") == [(0,)]
