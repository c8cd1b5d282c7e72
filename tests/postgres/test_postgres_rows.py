"""Which items the rows of a query are, and what is said where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Unreadable
from imagora.errors import PictureError, SourceError
from imagora_postgres import source as source_module
from imagora_postgres.options import PostgresOptions
from imagora_postgres.source import Rows
from pydantic import ValidationError

Sql, Make = Callable[..., Any], Callable[..., Rows]


def only(source: Rows) -> Item:
    (item,) = source.items()
    assert isinstance(item, Item), item
    return item


def reasons(source: Rows) -> dict[str, str]:
    return {item.uri: item.reason for item in source.items() if isinstance(item, Unreadable)}


def test_columns_are_words_picture_and_metadata(sql: Sql, rows: Make) -> None:
    query = (
        r"SELECT 7 AS id, 'Words.' AS text, 'T' AS title, ARRAY['x', 'y'] AS tags, '\x01'::bytea AS picture, 3 AS price"
    )
    assert only(rows(query)) == Item("7", "Words.", b"\x01", {"title": "T", "tags": ["x", "y"], "price": 3})


def test_columns_may_have_other_names(sql: Sql, rows: Make) -> None:
    query = "SELECT 'k' AS sku, 'Words.' AS said, 'N' AS name, 'x; y' AS labels, 1 AS id"
    columns = {"id": "sku", "text": "said", "title": "name", "tags": "labels"}
    assert only(rows(query, columns=columns)) == Item("k", "Words.", None, {"id": 1, "title": "N", "tags": ["x", "y"]})


VALUES = {
    "NULL::int": None,
    "true": True,
    "120.50::numeric": 120.5,
    "300::numeric": 300,
    "0.1::float8": 0.1,
    "9223372036854775807": 9223372036854775807,
    "'2026-01-02'::date": "2026-01-02",
    "'2026-01-02 03:04:05'::timestamp": "2026-01-02T03:04:05",
    "'2026-01-02 03:04:05.25+02'::timestamptz": "2026-01-02T01:04:05.250000+00:00",
    "'infinity'::timestamptz": "infinity",
    "'0044-03-15 BC'::date": "0044-03-15 BC",
    "'1 hour 2 seconds'::interval": 3602.0,
    "'12:30'::time": "12:30:00",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "'10.0.0.1'::inet": "10.0.0.1",
    "'red'::colour": "red",
    "ARRAY[1, NULL, 2]": [1, 2],
    "ARRAY['2026-01-02'::date]": ["2026-01-02"],
    "'[1, \"two\"]'::jsonb": [1, "two"],
    "'3'::json": 3,
    "'50% {x}'": "50% {x}",
}


@pytest.mark.parametrize("value", VALUES)
def test_values_are_flat_json(sql: Sql, rows: Make, value: str) -> None:
    sql("CREATE TYPE colour AS ENUM ('red')")
    found = only(rows(f"SELECT 1 AS id, 'w' AS text, {value} AS value")).metadata
    expected = {} if VALUES[value] is None else {"value": VALUES[value]}
    assert found == expected and {type(part) for part in found.values()} == {type(part) for part in expected.values()}


def test_the_keys_of_a_json_object_are_metadata(sql: Sql, rows: Make) -> None:
    query = """SELECT 1 AS id, 'w' AS text, '{"rooms": 2, "sea view": true, "none": null}'::jsonb AS extra"""
    assert only(rows(query)).metadata == {"rooms": 2, "sea view": True}


UNFIT = {
    '\'{"made": {"in": "Rome"}}\'::jsonb': "'made' is a JSON object in another value",
    "'{\"price\": 1}'::json": "'price' comes twice: as a column and in a JSON value",
    '\'{"title": "x"}\'::json': "'title' comes twice: as a column and in a JSON value",
    "'{\"_id\": 1}'::json": "'_id' cannot be a metadata key",
    "(repeat('[', 5000) || repeat(']', 5000))::json": "'value' is JSON that is nested too deeply",
    "'NaN'::numeric": "'value' is a number that cannot be stored: NaN",
    "1e400::numeric": "'value' is a number that cannot be stored",
    "'infinity'::float8": "'value' is a number that cannot be stored: inf",
    "9223372036854775808": None,  # a numeric: as far as a float goes
    r"'\x00'::bytea": "'value' is bytes",
    "ARRAY[[1], [2]]": "'value' is a list in a list",
    "int4range(1, 5)": "'value' is of the type Range",
    "array_fill(1, ARRAY[1001])": "'value' has more than 1000 values",
}


@pytest.mark.parametrize("value", UNFIT)
def test_one_unfit_row_is_named_with_its_reason_and_the_others_come(sql: Sql, rows: Make, value: str) -> None:
    columns = "'w' AS text, 't' AS title, 2 AS price"
    query = f"SELECT 1 AS id, {columns}, {value} AS value UNION ALL SELECT 2, 'w', 't', 2, NULL"
    first, second = rows(query).items()
    assert second == Item("2", "w", None, {"title": "t", "price": 2})
    if (reason := UNFIT[value]) is None:
        assert isinstance(first, Item) and first.metadata["value"] == 2.0**63
    else:
        assert isinstance(first, Unreadable) and reason in first.reason and not first.hides_others


def test_a_row_without_an_id_keeps_others_from_being_deleted(sql: Sql, rows: Make) -> None:
    first, second = rows("SELECT NULL::int AS id, 'w' AS text UNION ALL SELECT 1, 'w'").items()
    assert first == Item("1", "w")
    assert second == Unreadable("row 2", "its column 'id' is empty or NULL", hides_others=True)


def test_a_row_with_nothing_in_it_says_so(sql: Sql, rows: Make) -> None:
    assert reasons(rows("SELECT 1 AS id, 3 AS price")) == {"1": "it has neither a picture nor words"}


def test_pictures_are_files_under_the_folder_and_nowhere_else(sql: Sql, rows: Make, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "away").symlink_to(tmp_path)
    paths = "a/b.jpg", "../x.jpg", "/etc/passwd", "away/x.jpg", "a/../../x.jpg", ""
    listed = ", ".join(f"({number}, '{path}')" for number, path in enumerate(paths))
    query = f"SELECT id, picture FROM (VALUES {listed}) AS v (id, picture)"
    source = rows(query, folder=tmp_path / "photos")
    assert next(source.items()) == Item("0", picture=tmp_path / "photos" / "a" / "b.jpg")
    assert set(reasons(source)) == {"1", "2", "3", "4", "5"}
    with pytest.raises(SourceError, match="the column 'picture' has paths of pictures; say which folder"):
        list(rows(query).items())


def test_with_a_version_pictures_are_fetched_when_they_are_needed(sql: Sql, rows: Make) -> None:
    sql("CREATE TABLE goods (id int, picture bytea, hash text)", r"INSERT INTO goods VALUES (1, '\x0102', 'v1')")
    item = only(rows(columns={"version": "hash"}))
    assert item.version == "v1" and item.metadata == {} and callable(item.picture)
    assert item.picture() == b"\x01\x02"
    sql("DELETE FROM goods")
    with pytest.raises(PictureError, match="no longer in the database"):
        item.picture()


def test_rows_are_given_in_the_order_of_their_ids_and_all_of_them(sql: Sql, rows: Make) -> None:
    count = 2 * source_module.ROWS + 7
    sql(f"CREATE TABLE goods AS SELECT n AS id, 'w' AS text FROM generate_series({count}, 1, -1) AS n")
    source = rows()
    assert [item.uri for item in source.items()] == [str(number) for number in range(1, count + 1)]
    assert source.count() == count


def test_a_full_run_leaves_out_rows_that_count_as_deleted(sql: Sql, rows: Make) -> None:
    query = "SELECT * FROM (VALUES (1, 'w', NULL::date, true), (2, 'w', '2026-01-01', NULL)) AS v (id, text, gone, off)"
    for column, left, metadata in (("gone", "1", {"off": True}), ("off", "2", {"gone": "2026-01-01"})):
        source = rows(query, deleted=column)
        assert list(source.items()) == [Item(left, "w", None, metadata)] and source.count() == 1


def test_comments_and_a_semicolon_may_stand_in_a_query(sql: Sql, rows: Make) -> None:
    assert only(rows("-- what is sold\n(SELECT 1 AS id, 'w' AS text) -- and no more")) == Item("1", "w")
    assert only(rows("WITH w AS (SELECT 1 AS id) SELECT id, 'w' AS text FROM w ;\n")) == Item("1", "w")


REFUSED = {
    "DELETE FROM goods": "the query must be one SELECT",
    "/* x */ INSERT INTO goods VALUES (1)": "the query must be one SELECT",
    "selection": "the query must be one SELECT",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_select_is_refused_with_the_recipe(query: str) -> None:
    with pytest.raises(ValidationError, match=REFUSED[query]):
        PostgresOptions(name="goods", query=query, dbname="shop")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "where is the database"),
        ({"dsn": "postgresql://db/shop", "host": "db"}, "say either dsn or host, not both"),
        ({"dbname": "shop", "cursor": "changed"}, "'cursor' and 'state' go together"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PostgresOptions(name="goods", query="SELECT 1 AS id", **more)
