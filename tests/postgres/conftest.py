"""A PostgreSQL server of the tests' own, from Debian's package, on 127.0.0.1 and in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from imagora_postgres.options import PostgresOptions
from imagora_postgres.source import ChangedRows, Rows

PASSWORD = "sesame-opens"  # of a server that lives as long as a test run


@dataclass
class Server:
    """A server in a folder; the superuser is `postgres`, the reader of recipes `reader`."""

    programs: Path
    folder: Path
    port: int
    user: Sequence[str] = ()
    dbname: str = "postgres"

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.user, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        said = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-o", said, "-l", log, "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def __call__(self, *statements: str) -> list[Any]:
        """Run statements as the superuser, and give the rows of the last one."""
        known = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": PASSWORD}
        with psycopg.connect(**known, dbname=self.dbname, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _as_another(folder: Path) -> list[str]:
    """Give how to run as another user, since the server does not run as root, and give the folder to that user."""
    if os.geteuid() != 0:
        return []
    try:
        shutil.chown(folder, "postgres", "postgres")
    except LookupError:
        pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres' to run it as")
    if runuser := shutil.which("runuser"):
        return [runuser, "-u", "postgres", "--"]
    pytest.skip("PostgreSQL does not run as root, and there is no 'runuser' to change to another user")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no PostgreSQL in /usr/lib/postgresql; type: apt-get install postgresql")
    with (
        tempfile.TemporaryDirectory(prefix="imagora-postgres-") as name,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        folder, port = Path(name), free.getsockname()[1]
        free.close()
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        server = Server(found[-1].parent, folder, port, _as_another(folder))
        access = ["-A", "scram-sha-256", "--pwfile", str(folder / "password")]
        server.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", *access)
        server.start()
        try:
            server(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE shop")
            yield server
        finally:
            server.stop()


@pytest.fixture
def sql(server: Server) -> Server:
    """Give the server's database `shop` with nothing in it; `reader` may use and change its tables."""
    shop = replace(server, dbname="shop")
    shop(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'imagora%'",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "GRANT ALL ON SCHEMA public TO reader",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO reader",
        "ALTER ROLE reader RESET ALL",
    )
    return shop


Make = Callable[..., Rows]


@pytest.fixture
def options(sql: Server) -> Callable[..., dict[str, Any]]:
    """Give a recipe's options for a query in `shop`."""

    def make(query: str = "SELECT * FROM goods", **more: Any) -> dict[str, Any]:
        where = {"host": "127.0.0.1", "port": sql.port, "dbname": "shop", "user": "reader", "password": PASSWORD}
        return {"name": "goods", "query": query, **where, **more}

    return make


@pytest.fixture
def rows(options: Callable[..., dict[str, Any]]) -> Make:
    """Give a source for a query in `shop`."""

    def make(query: str = "SELECT * FROM goods", **more: Any) -> Rows:
        checked = PostgresOptions.model_validate(options(query, **more))
        return Rows(checked) if checked.cursor is None else ChangedRows(checked)

    return make
