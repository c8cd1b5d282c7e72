"""The ledger `postgres` keeps the contract of ledgers; its lock, its connection and its tables do what they are for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import IndexInUse, UnusableIndex
from imagora.testing import LedgerContract
from imagora.testing.ledger import bare, held, row
from imagora_postgres.ledger import PAGE, PostgresLedger
from imagora_postgres.options import LedgerOptions

Make = Callable[..., PostgresLedger]
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'imagora%'"
PASSWORD = "sesame-opens"


@pytest.fixture
def make(sql: Any) -> Iterator[Make]:
    """Give a ledger in `shop` by its name, for the user of recipes."""
    made: list[PostgresLedger] = []

    def make(name: str | Path = "toys", **more: Any) -> PostgresLedger:
        where = {"host": "127.0.0.1", "port": sql.port, "dbname": "shop", "user": "reader", "password": PASSWORD}
        made.append(PostgresLedger(LedgerOptions(**{**where, **more}), str(name)))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def make(self, make: Make) -> Make:
        return make  # this module's, and not the contract's own


def said(use: Callable[[], object]) -> str:
    with pytest.raises(UnusableIndex) as caught:
        use()
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return str(caught.value)


# One writer at a time ----------------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_the_first_is(make: Make) -> None:
    first, second = make(), make()
    assert first.open(1)
    with pytest.raises(IndexInUse) as caught:
        second.open(2)
    me = f"process {os.getpid()} on {socket.gethostname()}"[:40]
    assert str(caught.value).startswith(f"the ledger '{second.place}' is being written by imagora, {me}")
    assert ", since 20" in str(caught.value) and str(caught.value).endswith("wait until that has ended")
    first.commit([row(1)])
    first.close()
    assert second.open(1) and held(second, [row(1)]) == [row(1)]


def test_reading_needs_no_lock_and_writing_takes_it(make: Make) -> None:
    writer, reader = make(), make()
    assert writer.open(1) and reader.open(1, create=False)
    writer.commit([row(1), row(2)])
    assert reader.count() == len(list(reader.ids())) == len(reader.rows([row(1).id, row(2).id])) == 2
    assert reader.states() == {"committed": 2} and not reader.finished() and not reader.quarantined()
    for write in (lambda: reader.delete([row(1).id]), lambda: reader.commit([row(3)]), reader.forget):
        with pytest.raises(IndexInUse):
            write()
    assert reader.count() == 2
    writer.close()
    reader.delete([row(1).id])
    with pytest.raises(IndexInUse):
        writer.open(1)
    reader.close()
    assert writer.open(1) and writer.count() == 1


def test_several_recipes_share_tables_and_do_not_wait_for_each_other(make: Make, sql: Any) -> None:
    toys, pets, others = make("toys"), make("pets"), make("toys", tables="search.others")
    sql("DROP SCHEMA IF EXISTS search CASCADE", "GRANT CREATE ON DATABASE shop TO reader")
    for ledger, version in ((toys, "1"), (pets, "2"), (others, "3")):
        assert ledger.open(1) and not ledger.begin("shop")
        ledger.commit([row(1, version), row(2, version)])
    toys.forget()
    assert held(toys, [row(1)]) == [] and held(pets, [row(1)]) == [row(1, "2")]
    assert held(others, [row(1)]) == [row(1, "3")]
    assert sql("SELECT count(*) FROM search.others_items") == sql("SELECT count(*) FROM imagora_items") == [(2,)]


# A connection that is lost -----------------------------------------------------------------------------------------


def test_a_lost_connection_is_made_again_with_its_lock(make: Make, sql: Any) -> None:
    ledger, other = make(), make()
    ledger.open(1)
    ledger.commit([row(number) for number in range(PAGE + 50)])
    ids = ledger.ids()
    given = list(islice(ids, 20))
    uses: list[Callable[[], object]] = [
        lambda: ledger.mark([row(1, "2")], "embedded"),
        lambda: ledger.commit([row(1, "2")]),
        lambda: ledger.begin("shop"),
        ledger.count,
        lambda: given.extend(ids),  # the last one reads: the lock is held after that, too
    ]
    for use in uses:
        assert sql(END) == [(True,)]
        use()
    with pytest.raises(IndexInUse):
        other.open(1)
    assert held(ledger, [row(1)]) == [row(1, "2")] and len(given) == len(set(given)) == PAGE + 50


def test_a_lock_that_another_took_meanwhile_is_not_taken_back(make: Make, sql: Any) -> None:
    ledger, other = make(), make()
    ledger.open(1)
    ledger.commit([row(1)])
    sql(END)
    assert other.open(1)
    with pytest.raises(IndexInUse):
        ledger.commit([row(2)])
    with pytest.raises(IndexInUse):
        ledger.commit([row(3)])
    other.commit([row(1, "2")])
    assert other.count() == 1 and held(other, [row(1)]) == [row(1, "2")]


def test_a_connection_that_only_one_side_has_lost_gives_its_lock_back(make: Make, sql: Any) -> None:
    with Between(sql.port) as between:
        ledger = make(port=between.port)
        ledger.open(1)
        between.forget()
        ledger.commit([row(1)])
        assert ledger.count() == 1
        ledger.close()
    assert make().open(1)


class Between:
    """Stands between a client and the server, and can forget a client without telling the server."""

    def __init__(self, server: int) -> None:
        self.door, self.server = socket.create_server(("127.0.0.1", 0)), server
        self.port = self.door.getsockname()[1]
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self) -> Between:
        return self

    def __exit__(self, *_: object) -> None:
        self.door.close()
        for pair in self.pairs:
            for side in pair:
                with suppress(OSError):  # a thread that still reads keeps the other end from hearing of a close alone
                    side.shutdown(socket.SHUT_RDWR)
                side.close()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.door.accept()
                server = socket.create_connection(("127.0.0.1", self.server))
                self.pairs.append((client, server))
                for a, b in ((client, server), (server, client)):
                    threading.Thread(target=self.pass_on, args=(a, b), daemon=True).start()

    @staticmethod
    def pass_on(a: socket.socket, b: socket.socket) -> None:
        with suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)

    def forget(self) -> None:
        for client, _ in self.pairs:
            client.shutdown(socket.SHUT_RDWR)


def test_a_server_that_crashes_has_what_was_committed(make: Make, sql: Any) -> None:
    sql("ALTER ROLE reader SET synchronous_commit = off")
    ledger = make()
    ledger.open(1)
    for number in range(20):
        ledger.mark([row(number)], "embedded")
        ledger.commit([row(number)])
    ledger.mark([row(20)], "embedded")
    sql.stop()
    try:
        words = said(lambda: ledger.commit([row(21)]))
        assert (
            words.startswith(f"cannot connect to PostgreSQL at '127.0.0.1:{sql.port}/shop'") and PASSWORD not in words
        )
    finally:
        sql.start()
    assert held(ledger, [row(n) for n in range(22)]) == [*(row(n) for n in range(20)), bare(row(20))]
    ledger.commit([row(21)])
    assert ledger.count() == 21


# What goes wrong ---------------------------------------------------------------------------------------------------


def test_a_user_without_rights_is_told_which(make: Make, sql: Any) -> None:
    sql("REVOKE CREATE ON SCHEMA public FROM reader")
    words = said(lambda: make().open(1))
    assert "permission denied for schema public; the user needs CREATE on the schema until the tables are m" in words
    assert make().open(1, create=False) is False
    assert make(user="postgres").open(1) is True
    assert make(name="another").open(1) is True, "the tables are there, and may be written"
    sql("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM reader")
    reader = make()
    assert reader.open(1, create=False) is True and reader.count() == 0
    assert "permission denied for table imagora_ledgers; the user needs" in said(lambda: make(name="third").open(1))


def test_a_server_that_only_reads_says_so(make: Make, sql: Any) -> None:
    make().open(1)
    sql("ALTER ROLE reader SET default_transaction_read_only = on")
    ledger = make("other")
    assert "cannot execute INSERT in a read-only transaction" in said(lambda: ledger.open(1))
    assert "is not open" in said(ledger.count)


def test_no_password_is_in_an_error_or_in_the_place(sql: Any) -> None:
    wrong = "wr0ng-and-l0ng"
    dsns = [
        f"postgresql://reader:{wrong}@127.0.0.1:{sql.port}/shop",  # refused by the server
        f"postgresql://reader:{wrong}@127.0.0.1:1/shop",  # nobody listens
        f"postgresql://reader:{wrong}%zz@127.0.0.1/shop",  # cannot be read
        f"host=127.0.0.1 {wrong}",
    ]
    for dsn in dsns:
        options = LedgerOptions(dsn=dsn)
        assert wrong not in repr(options) + options.model_dump_json()
        words = said(lambda options=options: PostgresLedger(options, "toys").open(1))  # type: ignore[misc]
        assert words.startswith(("cannot connect to PostgreSQL at '127.0.0.1:", "the dsn cannot be read; its form is"))
        assert wrong not in words
    assert PostgresLedger(LedgerOptions(dsn=dsns[0]), "toys").place == f"127.0.0.1:{sql.port}/shop/imagora/toys"


@pytest.mark.parametrize("tables", ["Imagora", "a.b.c", "x; DROP TABLE goods", "1st", "", "a" * 50, 'a"b'])
def test_names_of_tables_are_plain_words(tables: str) -> None:
    with pytest.raises(ValueError, match="tables"):
        LedgerOptions(dsn="postgresql://h/d", tables=tables)


def test_ids_are_found_by_an_index(make: Make, sql: Any) -> None:
    ledger = make()
    ledger.open(1)
    ledger.commit([row(number, source=f"source {number % 50}") for number in range(20_000)])
    sql("ANALYZE imagora_items", "ALTER ROLE reader SET enable_seqscan = on")
    for use in (lambda: ledger.rows([row(1).id]), lambda: list(ledger.ids("source 7")), lambda: next(ledger.ids())):
        use()
    condition = "ledger = 1 AND generation = 1 AND hashtextextended(source, 0) = hashtextextended('source 7', 0)"
    plan = sql(f"EXPLAIN SELECT id FROM imagora_items WHERE {condition} AND id > '8' ORDER BY id LIMIT 100")
    assert "imagora_items_by_source" in str(plan) and "Sort" not in str(plan)
    plan = sql(
        "EXPLAIN SELECT id FROM imagora_items WHERE ledger = 1 AND generation = 1 AND id > '8' ORDER BY id LIMIT 9"
    )
    assert "imagora_items_pkey" in str(plan) and "Sort" not in str(plan)
