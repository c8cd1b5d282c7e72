"""The ledger's connection: made again once where it was lost, with a lock that only one writer has."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from imagora.errors import IndexInUse, UnusableIndex

from .connecting import Row, connect, place_of, was_lost, without_password
from .ledger_tables import Found, Tables
from .options import LedgerOptions

T = TypeVar("T")
TRIES, PAUSE = 8, 0.1
"""How often the lock is asked for, and the seconds between: that a process was killed is noticed a little later."""
_PREPARE = b"""
SELECT set_config('application_name', %s, false),
    -- What is committed must be on the disk, whatever the server's own setting is; waiting for replicas stays.
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END,
    -- The connection holds the lock, and may be silent for hours while pictures are embedded.
    (SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout')
"""
_TAKE = b"SELECT pg_try_advisory_lock(%s::int, %s::int)"
_HOLDER = b"""
SELECT pid, coalesce(nullif(application_name, ''), 'process ' || pid || ' of the server')
    || coalesce(to_char(backend_start AT TIME ZONE 'UTC', '", since" YYYY-MM-DD HH24:MI "UTC"'), '')
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %s::bigint::oid AND objid = %s::bigint::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_NO_RIGHT = (
    "; the user needs CREATE on the schema until the tables are made, and SELECT, INSERT, UPDATE and DELETE on them"
)


class Session:
    """One connection at a time, to one ledger; several threads may use it, one after the other."""

    def __init__(self, options: LedgerOptions, name: str) -> None:
        self.options, self.name = options, name
        self.tables = Tables(options.tables)
        self._connection: psycopg.Connection[Row] | None = None
        self._found: Found | None = None
        self._one_at_a_time = threading.RLock()
        self._locked = False
        self._ours: set[int] = set()  # the server's processes for the connections that there were

    @property
    def place(self) -> str:
        """Which server, database, tables and ledger it is."""
        return f"{place_of(self.options, UnusableIndex)}/{self.options.tables}/{self.name}"

    def open(self, *, create: bool) -> bool:
        """Connect; with `create`, make the ledger and take its lock; without, say False where there is none."""
        with self._one_at_a_time, self._told():
            self.close()
            self._ours.clear()
            try:
                connection = self._connect()
                self._found = self.tables.find(connection, self.name, create=create)
                if create:
                    self._take(connection)
            except BaseException:
                self.close()
                raise
            if self._found is None:
                self.close()
            return self._found is not None

    def run(self, statement: str, *, writes: bool = True, **values: Any) -> list[Row]:
        """Run one statement and give its rows; take the lock first where it writes and does not have it.

        It may run twice where the connection is lost while it runs.
        """
        said = self.tables.in_names(statement)

        def act(connection: psycopg.Connection[Row], found: Found) -> list[Row]:
            if writes and not self._locked:
                self._take(connection)
            cursor = connection.execute(said, {"ledger": found.ledger, **values})
            return cursor.fetchall() if cursor.description else []

        with self._one_at_a_time, self._told():
            return self._once_more_if_lost(act)

    def close(self) -> None:
        """Let go of the connection, and with it of the lock."""
        with self._one_at_a_time:
            connection, self._connection, self._locked = self._connection, None, False
            if connection is not None:
                connection.close()

    def _once_more_if_lost(self, act: Callable[[psycopg.Connection[Row], Found], T]) -> T:
        connection, found = self._connection, self._found
        if connection is None or found is None:
            raise UnusableIndex(f"the ledger '{self.place}' is not open")
        try:
            return act(connection, found)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
        locked, self._locked = self._locked, False
        connection = self._connect()
        if locked:  # the server let it go with the connection
            self._take(connection)
        return act(connection, found)

    def _connect(self) -> psycopg.Connection[Row]:
        # Without these a connection that the network forgot is noticed after hours.
        connection = connect(self.options, UnusableIndex, keepalives_idle=60, tcp_user_timeout=60_000)
        self._connection = connection
        self._ours.add(connection.info.backend_pid)  # it cannot be asked for once the connection is lost
        connection.autocommit = True
        connection.execute(_PREPARE, [_me()])
        return connection

    def _take(self, connection: psycopg.Connection[Row]) -> None:
        found = self._found
        assert found is not None  # noqa: S101 - it was found before
        signed = found.table - (found.table >> 31 << 32)  # as the function takes it
        said = "others"
        for tries in range(TRIES):
            time.sleep(PAUSE if tries else 0)
            if connection.execute(_TAKE, [signed, found.ledger]).fetchone() == (True,):
                self._locked = True
                return
            pid, said = connection.execute(_HOLDER, [found.table, found.ledger]).fetchone() or (0, said)
            if pid in self._ours and said.startswith(_me()):  # the server has not noticed yet that it was lost
                connection.execute(b"SELECT pg_terminate_backend(%s)", [pid])
        raise IndexInUse(f"the ledger '{self.place}' is being written by {said}; wait until that has ended")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            said = error.diag.message_primary or without_password(error, self.options)
            if was_lost(error):
                raise UnusableIndex(
                    f"the connection to the ledger '{self.place}' was lost: {said}; what is ingested stays, so run it "
                    "again to go on"
                ) from None
            hint = _NO_RIGHT if isinstance(error, psycopg.errors.InsufficientPrivilege) else ""
            raise UnusableIndex(f"the ledger '{self.place}' cannot be used: {said}{hint}") from None


def _me() -> str:
    """Name this process, in as many signs and as plain ones as the server keeps."""
    return f"imagora, process {os.getpid()} on {socket.gethostname()}".encode("ascii", "replace").decode()[:63]
