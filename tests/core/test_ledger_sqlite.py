"""The ledger `sqlite` keeps the contract of ledgers, and says in words what is wrong with its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from imagora.errors import UnusableIndex
from imagora.testing import LedgerContract
from imagora_ingestion.sqlite import SqliteLedger


class TestSqlite(LedgerContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], SqliteLedger]:
        return SqliteLedger


def test_what_is_no_ledger_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("These are words, and no database, however long they go on. " * 20)
    (tmp_path / "folder").mkdir()
    with sqlite3.connect(tmp_path / "old") as old:
        old.execute("CREATE TABLE items (id TEXT)")
    old.close()
    for name, said in (("words", "not a database"), ("folder", "unable to open"), ("old", "remove it, and ingest aga")):
        for create in (True, False):
            with pytest.raises(UnusableIndex, match=f"the ledger '{tmp_path / name}' .*{said}"):
                SqliteLedger(tmp_path / name).open(1, create=create)
    assert (tmp_path / "words").read_text().startswith("These are words")


def test_a_ledger_that_is_not_open_says_so(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger")
    for use in (ledger.count, ledger.forget, lambda: list(ledger.ids()), lambda: ledger.begin("shop")):
        with pytest.raises(UnusableIndex, match="is not open"):
            use()
    assert not (tmp_path / "ledger").exists()


def test_two_programs_wait_for_one_another(tmp_path: Path) -> None:
    first, second = SqliteLedger(tmp_path / "ledger"), SqliteLedger(tmp_path / "ledger")
    first.open(1)
    second.open(1)
    with ThreadPoolExecutor(2) as pool:
        for begun in [pool.submit(one.begin, f"{n}") for n in range(50) for one in (first, second)]:
            begun.result()
    assert all(first.begin(f"{n}") for n in range(50))
    first.close()
    second.close()
