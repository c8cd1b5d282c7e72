"""The statements that are run around the recipe's query, and the columns that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

import psycopg
from imagora.errors import SourceError, did_you_mean
from psycopg import sql

from .connecting import Row, in_words
from .options import PostgresOptions

_BEFORE = "SELECT * FROM (\n"
_TIMES = ("timestamp", "timestamptz", "date")
_WHOLE = ("int2", "int4", "int8")
_NUMBERS = ("numeric", "float4", "float8")
_UNSAID = ("text", "title", "tags", "picture")


@dataclass(frozen=True)
class Shape:
    """What the query gives: each column's type by name, and the column of each role, such as "title" or "cursor"."""

    types: Mapping[str, str]
    roles: Mapping[str, str]

    @property
    def holds_pictures(self) -> bool:
        """Whether the pictures are in the database, and not files."""
        return "picture" in self.roles and self.types[self.roles["picture"]] == "bytea"

    @property
    def fetches(self) -> bool:
        """Whether pictures are fetched one by one, when they are needed."""
        return self.holds_pictures and "version" in self.roles


def run(connection: psycopg.Connection[Row], statement: bytes) -> psycopg.Cursor[Row]:
    """Run one statement, and never several: a COMMIT among them would end the read-only transaction."""
    return connection.execute(statement, binary=True)  # the binary protocol takes one statement only


def shape_of(connection: psycopg.Connection[Row], options: PostgresOptions) -> Shape:
    """Ask the server which columns the query gives, and raise SourceError where the recipe names another."""
    with in_words(options, before_query=len(_BEFORE)):
        described = run(connection, f"{_BEFORE}{options.query}\n) AS q LIMIT 0".encode()).description or []
    types = {column.name: column.type_display.split("(")[0] for column in described}
    if len(types) < len(described):
        names = [column.name for column in described]
        twice = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"two of the query's columns are called '{twice}'; name one of them with AS")
    roles = dict(_roles(options, types))
    shape = Shape(types, roles)
    if "picture" in roles and not shape.holds_pictures and options.folder is None:
        raise SourceError(
            f"the column '{roles['picture']}' has paths of pictures; say which folder they are under: folder"
        )
    return shape


def _roles(options: PostgresOptions, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    asked = {**options.columns.model_dump(), "cursor": options.cursor, "deleted": options.deleted}
    for role, column in asked.items():
        if column is None:
            if role in _UNSAID and role in types:
                yield role, role
        elif column in types:
            yield role, column
        else:
            where = role if role in ("cursor", "deleted") else f"columns.{role}"
            raise SourceError(f"the query gives no column '{column}' for '{where}'{did_you_mean(column, types)}")


def rows_of(options: PostgresOptions, shape: Shape, last: str | None) -> bytes:
    """Select the rows in a stable order, each with its cursor's value as text behind its columns."""
    picture = shape.roles.get("picture") if shape.fetches else None
    columns = [f"q.{_name(c)} IS NOT NULL" if c == picture else f"q.{_name(c)}" for c in shape.types]
    cursor = shape.roles.get("cursor")
    columns.append(f"q.{_name(cursor)}::text" if cursor else "NULL")
    order = f"q.{_name(cursor)} NULLS FIRST, " if cursor else ""
    order += f"q.{_name(shape.roles['id'])}"
    return f"SELECT {', '.join(columns)} {_from(options, shape, last)}\nORDER BY {order}".encode()


def count_of(options: PostgresOptions, shape: Shape, last: str | None) -> bytes:
    """Count these rows."""
    return f"SELECT count(*) {_from(options, shape, last)}".encode()


def picture_of(options: PostgresOptions, shape: Shape, id_: object) -> bytes:
    """Select one row's picture."""
    column, key = _name(shape.roles["picture"]), _name(shape.roles["id"])
    one = sql.Literal(id_).as_string(None)
    return f"SELECT q.{column} {_query(options)} WHERE q.{key} = {one} LIMIT 1".encode()


def _from(options: PostgresOptions, shape: Shape, last: str | None) -> str:
    asked = []
    deleted, cursor = shape.roles.get("deleted"), shape.roles.get("cursor")
    if deleted and not cursor:  # a full run sees by itself what is gone
        asked.append(f"q.{_name(deleted)} IS {'NOT TRUE' if shape.types[deleted] == 'bool' else 'NULL'}")
    if cursor and last is not None:
        since = sql.Literal(last).as_string(None)
        if (type_ := shape.types[cursor]) in _TIMES:
            since += f"::{type_} - make_interval(secs => {options.overlap})"
        elif type_ in _WHOLE:  # as whole numbers, for which the server can use the column's index
            since += f"::int8 - {ceil(options.overlap)}"
        elif type_ in _NUMBERS:
            since += f"::numeric - {options.overlap:.6f}"
        # Rows whose cursor is NULL cannot be told to be old, and the ledger knows those that have not changed.
        asked.append(f"(q.{_name(cursor)} >= {since} OR q.{_name(cursor)} IS NULL)")
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    return f"{_query(options)}{where}"


def _query(options: PostgresOptions) -> str:
    return f"FROM (\n{options.query}\n) AS q"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
