"""What `imagora doctor` asks a PostgreSQL server: whether it lets the recipe's user in, and its version."""

from __future__ import annotations

from collections.abc import Iterator

from imagora.errors import SourceError
from imagora.health import Check, Unhealthy

from .connecting import connect
from .options import Server


def checks(options: Server) -> Iterator[Check]:
    """Give the one check of a server."""
    yield Check("server", lambda: _version(options))


def _version(options: Server) -> str:
    try:
        with connect(options, connect_timeout=5) as connection:
            (version,) = connection.execute("SHOW server_version").fetchone() or ("?",)
    except SourceError as error:
        raise Unhealthy(str(error), "start it, or correct dsn, host, port, user or password in the recipe") from None
    return f"PostgreSQL {version}"
