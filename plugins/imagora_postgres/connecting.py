"""Connections, those that only read among them, and what goes wrong with them in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from imagora.errors import ImagoraError, SourceError
from psycopg.types import datetime as times
from psycopg.types.json import set_json_loads

from .options import PostgresOptions, Server

Row = tuple[Any, ...]


class NotJSON:
    """A JSON value that cannot be read, e.g. for its depth."""


def connect(options: Server, wrong: type[ImagoraError] = SourceError, **settings: str | int) -> psycopg.Connection[Row]:
    """Connect; raise `wrong`, without a password, where that cannot be done.

    settings: of libpq, where the connection string says nothing else.
    """
    known: dict[str, Any] = {**settings, **_known(options, wrong)}
    try:
        return psycopg.connect(**known)
    except psycopg.Error as error:
        where = place_of(options, wrong)
        raise wrong(f"cannot connect to PostgreSQL at '{where}': {without_password(error, options)}") from None


def place_of(options: Server, wrong: type[ImagoraError] = SourceError) -> str:
    """Say which server and database it is."""
    known = _known(options, wrong)
    return f"{known.get('host', 'localhost')}:{known.get('port', 5432)}/{known.get('dbname', '')}"


def was_lost(error: psycopg.Error) -> bool:
    """Tell whether an error means that the connection is gone."""
    lost = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
    return lost and isinstance(error, psycopg.OperationalError)


@contextmanager
def reading(options: PostgresOptions) -> Iterator[psycopg.Connection[Row]]:
    """Connect, and give one read-only transaction of one snapshot."""
    with connect(options) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.prepare_threshold = None  # poolers that share connections lose prepared statements
        _adapt(connection)
        # For this transaction only, so that a shared connection is left as it was. The reader may wait for embedders.
        settings = {
            "statement_timeout": str(int(options.timeout * 1000) or 1),
            "idle_in_transaction_session_timeout": "0",
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
        }
        with in_words(options):
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, true)", (name, value))
        yield connection


@contextmanager
def in_words(options: PostgresOptions, before_query: int | None = None) -> Iterator[None]:
    """Raise what the server says as a SourceError; before_query: characters that stand before the recipe's query."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction as error:
        said = error.diag.message_primary
        raise SourceError(
            f"the query would write, and the server refused it in a read-only transaction: {said}"
        ) from None
    except psycopg.errors.QueryCanceled as error:
        said = error.diag.message_primary
        raise SourceError(
            f"the query was stopped: {said}; its limit is 'timeout: {options.timeout:g}' seconds"
        ) from None
    except psycopg.Error as error:
        if was_lost(error):
            said = without_password(error, options)
            raise SourceError(
                f"the connection to PostgreSQL was lost: {said}; what is ingested stays, so run it again to go on"
            ) from None
        said = error.diag.message_primary or without_password(error, options)
        raise SourceError(f"the query cannot be run: {said}{_place(error, options, before_query)}") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"the database gives text that is not UTF-8: {error.reason}") from None


def _place(error: psycopg.Error, options: PostgresOptions, before_query: int | None) -> str:
    hint = f" ({error.diag.message_hint.rstrip('.')})" if error.diag.message_hint else ""
    if before_query is None or not error.diag.statement_position:
        return hint
    place = int(error.diag.statement_position) - 1 - before_query
    if not 0 <= place <= len(options.query):
        return hint
    before = options.query[:place].split("\n")
    return f" at line {len(before)}, column {len(before[-1]) + 1} of the query{hint}"


def _known(options: Server, wrong: type[ImagoraError] = SourceError) -> dict[str, Any]:
    """Give how to connect; what is wrong with a connection string is not quoted, since it has a password in it."""
    try:
        known = psycopg.conninfo.conninfo_to_dict(options.dsn.get_secret_value() if options.dsn else "")
    except psycopg.ProgrammingError:
        raise wrong(
            "the dsn cannot be read; its form is postgresql://USER:PASSWORD@HOST:PORT/DBNAME, and signs such as '@' or "
            "'/' in the password are written as %40 and %2F"
        ) from None
    for name in ("host", "port", "dbname", "user"):
        if (value := getattr(options, name)) is not None:
            known[name] = value
    if options.password is not None:
        known["password"] = options.password.get_secret_value()
    return {"connect_timeout": 10, "application_name": "imagora", **known, "client_encoding": "utf8"}


def without_password(error: psycopg.Error, options: Server) -> str:
    """Give what an error says, on one line and with the password taken out."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    password = str(_known(options).get("password") or "")
    return said.replace(password, "…") if password else said


def _adapt(connection: psycopg.Connection[Row]) -> None:
    """Let values that Python has no type for come as they are written, so that one of them does not end the reading."""
    for name, loader in _LOADERS.items():
        connection.adapters.register_loader(name, loader)
    set_json_loads(_json, connection)


def _json(data: str | bytes) -> Any:
    try:
        return json.loads(data)
    except (RecursionError, ValueError):
        return NotJSON()


def _lenient(loader: type[Any]) -> type[Any]:
    class Lenient(loader):  # type: ignore[misc]  # made from psycopg's own, of which there are three
        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:  # infinity, years before 1 and after 9999
                return bytes(data).decode()

    return Lenient


_LOADERS = {
    "date": _lenient(times.DateLoader),
    "timestamp": _lenient(times.TimestampLoader),
    "timestamptz": _lenient(times.TimestamptzLoader),
    "interval": _lenient(times.IntervalLoader),
}
