"""The ledger's tables, and the statements on them: each is a transaction of its own and can be run again."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from .connecting import Row

_MAKING = 0x1A6A6021
"""The number of the lock under which tables are made, since two that make one table at once disturb each other."""
_TABLES = """
CREATE TABLE IF NOT EXISTS {ledgers} (
    ledger int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE
);
-- In the collation "C": ids are given in pages, and an update of a language's rules must not change their order.
-- A row is written several times on its way; with room left in its page the indexes need not be written again.
CREATE TABLE IF NOT EXISTS {items} (
    ledger int NOT NULL REFERENCES {ledgers}, generation int NOT NULL, id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL, uri text NOT NULL, content text NOT NULL, metadata text NOT NULL,
    recipe text NOT NULL, state text NOT NULL, PRIMARY KEY (ledger, generation, id)
) WITH (fillfactor = 70);
-- Names may be longer than an index takes, so it has their hashes.
CREATE INDEX IF NOT EXISTS {items_by_source} ON {items} (ledger, generation, hashtextextended(source, 0), id);
CREATE TABLE IF NOT EXISTS {quarantine} (
    ledger int NOT NULL REFERENCES {ledgers}, generation int NOT NULL, hash text NOT NULL,
    source text COLLATE "C" NOT NULL, uri text COLLATE "C" NOT NULL, reason text NOT NULL, run text NOT NULL,
    PRIMARY KEY (ledger, generation, hash)
);
CREATE TABLE IF NOT EXISTS {sources} (
    ledger int NOT NULL REFERENCES {ledgers}, generation int NOT NULL, hash text NOT NULL, source text NOT NULL,
    begun timestamptz NOT NULL, finished timestamptz, PRIMARY KEY (ledger, generation, hash)
)
"""
_PARTS = {
    "here": sql.SQL("ledger = %(ledger)s AND generation = %(generation)s"),
    "placed": sql.SQL("SELECT %(ledger)s::int, %(generation)s::int"),
}

ROWS = "SELECT id, source, uri, content, metadata, recipe FROM {items} WHERE {here} AND id = ANY(%(ids)s)"
MARK = """
INSERT INTO {items} AS old (ledger, generation, id, source, uri, content, metadata, recipe, state)
{placed}, id, source, uri, '', '', '', %(state)s
FROM unnest(%(ids)s::text[], %(sources)s::text[], %(uris)s::text[]) AS new (id, source, uri)
ON CONFLICT (ledger, generation, id) DO UPDATE SET state = EXCLUDED.state WHERE old.state <> EXCLUDED.state
"""
# The CTE is part of the statement so that one round trip is enough; it counts for this transaction only.
MARK_SOON = "WITH soon AS (SELECT set_config('synchronous_commit', 'off', true))" + MARK.replace(
    "AS new (id, source, uri)", "AS new (id, source, uri), soon"
)
COMMIT = """
WITH written AS (
    INSERT INTO {items} (ledger, generation, id, source, uri, content, metadata, recipe, state)
    {placed}, new.*, 'committed'
    FROM unnest(%(ids)s::text[], %(sources)s::text[], %(uris)s::text[], %(contents)s::text[], %(metadatas)s::text[],
        %(recipes)s::text[]) AS new
    ON CONFLICT (ledger, generation, id) DO UPDATE SET source = EXCLUDED.source, uri = EXCLUDED.uri,
        content = EXCLUDED.content, metadata = EXCLUDED.metadata, recipe = EXCLUDED.recipe, state = EXCLUDED.state
)
DELETE FROM {quarantine} WHERE {here} AND hash = ANY(%(hashes)s)
"""
DELETE = "DELETE FROM {items} WHERE {here} AND id = ANY(%(ids)s)"
IDS = "SELECT id FROM {items} WHERE {here} AND id > %(last)s"
OF_SOURCE = " AND hashtextextended(source, 0) = hashtextextended(%(source)s, 0) AND source = %(source)s"
COMMITTED = " AND content <> ''"
PAGE = " ORDER BY id LIMIT %(page)s"
COUNT = "SELECT count(*) FROM {items} WHERE {here} AND content <> ''"
STATES = "SELECT state, count(*) FROM {items} WHERE {here} GROUP BY state"
QUARANTINE = """
INSERT INTO {quarantine} (ledger, generation, hash, source, uri, reason, run)
{placed}, hash, %(source)s, uri, reason, %(run)s
FROM unnest(%(hashes)s::text[], %(uris)s::text[], %(reasons)s::text[]) AS new (hash, uri, reason)
ON CONFLICT (ledger, generation, hash) DO UPDATE SET reason = EXCLUDED.reason, run = EXCLUDED.run
"""
QUARANTINED = "SELECT source, uri, reason FROM {quarantine} WHERE {here} ORDER BY source, uri"
BEGUN = "SELECT EXISTS (SELECT FROM {sources} WHERE {here} AND hash = %(hash)s)"
BEGIN = """
WITH before AS (SELECT 1 FROM {sources} WHERE {here} AND hash = %(hash)s), written AS (
    INSERT INTO {sources} (ledger, generation, hash, source, begun) {placed}, %(hash)s, %(source)s, now()
    ON CONFLICT (ledger, generation, hash) DO UPDATE SET begun = now()
)
SELECT EXISTS (SELECT FROM before)
"""
FINISH = """
WITH released AS (
    DELETE FROM {quarantine} WHERE {here} AND %(release)s AND source = %(source)s AND run <> %(run)s
)
INSERT INTO {sources} (ledger, generation, hash, source, begun, finished)
{placed}, %(hash)s, %(source)s, now(), now()
ON CONFLICT (ledger, generation, hash) DO UPDATE SET finished = now()
"""
FINISHED = "SELECT EXISTS (SELECT FROM {sources} WHERE {here} AND finished IS NOT NULL)"
FINISHED_AT = """
SELECT source, extract(epoch FROM finished)::float8 FROM {sources} WHERE {here} AND finished IS NOT NULL
"""
FORGET = """
WITH items AS (DELETE FROM {items} WHERE {here}), refused AS (DELETE FROM {quarantine} WHERE {here})
DELETE FROM {sources} WHERE {here}
"""


@dataclass(frozen=True)
class Found:
    """A ledger's number, and the number of the table that has it."""

    table: int
    ledger: int


class Tables:
    """The tables whose names begin with a word, and may be in a schema: "imagora" or "search.imagora"."""

    def __init__(self, beginning: str) -> None:
        *schema, prefix = beginning.split(".")
        self._schema = schema[0] if schema else None
        tables = ("ledgers", "items", "quarantine", "sources")
        self._names = {table: sql.Identifier(*schema, f"{prefix}_{table}") for table in tables}
        self._names["items_by_source"] = sql.Identifier(f"{prefix}_items_by_source")

    def in_names(self, statement: str) -> sql.Composed:
        """Put the tables' names into a statement."""
        return sql.SQL(statement).format(**_PARTS, **self._names)

    def find(self, connection: psycopg.Connection[Row], name: str, *, create: bool) -> Found | None:
        """Find a ledger by its name; make it, and the tables, where they are missing and it is asked for."""
        asked = b"SELECT to_regclass(%s)::oid", [self._names["ledgers"].as_string(connection)]
        if connection.execute(*asked).fetchone() == (None,):
            if not create:
                return None
            self._make(connection)
        found = self.in_names("SELECT {ledgers}.tableoid, ledger FROM {ledgers} WHERE name = %s")
        row = connection.execute(found, [name]).fetchone()
        if row is None and create:
            connection.execute(
                self.in_names("INSERT INTO {ledgers} (name) VALUES (%s) ON CONFLICT (name) DO NOTHING"), [name]
            )
            row = connection.execute(found, [name]).fetchone()
        return Found(*row) if row else None

    def _make(self, connection: psycopg.Connection[Row]) -> None:
        with connection.transaction():
            connection.execute(b"SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            if self._schema and connection.execute(b"SELECT to_regnamespace(%s)", [self._schema]).fetchone() == (None,):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._schema)))
            connection.execute(self.in_names(_TABLES))
