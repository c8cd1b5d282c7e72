"""Faulty ledgers: one fault each, and the test that must find it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from imagora import testing as t
from toy_ledger import ToyLedger


def ledger(**methods: Any) -> Any:
    """Make the fixture `make` of a ledger with these methods in place of the right ones."""
    kind = type("OtherToyLedger", (ToyLedger,), methods)
    return pytest.fixture(lambda self: kind)


def _commits_at_mark(self: Any, rows: Any, state: Any) -> None:
    ToyLedger.commit(self, rows)


def _replaces_at_mark(self: Any, rows: Any, state: Any) -> None:
    ToyLedger.delete(self, [row.id for row in rows])
    ToyLedger.mark(self, rows, state)


class FaultyHasty(t.LedgerContract):
    """An item counts as committed before it is in the index."""

    real = "LlamaIndex #22638"
    fails = "test_an_item_has_empty_hashes_until_its_first_version_is_committed"
    make = ledger(mark=_commits_at_mark)


class FaultySuccessor(t.LedgerContract):
    """The old version of an item is gone before the new one is committed."""

    real = "LlamaIndex #22639"
    fails = "test_hashes_stay_while_a_successor_is_under_way"
    make = ledger(mark=_replaces_at_mark)


class FaultyTwins(t.LedgerContract):
    """Of two versions in one call the first one wins."""

    fails = "test_an_item_that_comes_twice_in_one_call_has_the_last_version"
    make = ledger(commit=lambda self, rows: ToyLedger.commit(self, rows[::-1]))


class FaultyUndead(t.LedgerContract):
    """Of several deleted items only the first one goes."""

    fails = "test_what_is_deleted_is_gone"
    make = ledger(delete=lambda self, ids: ToyLedger.delete(self, ids[:1]))


class FaultySources(t.LedgerContract):
    """The ids of all sources come for one."""

    fails = "test_ids_are_those_of_the_source_that_is_asked_for"
    make = ledger(ids=lambda self, source=None, committed=False: ToyLedger.ids(self, committed=committed))


class FaultyPages(t.LedgerContract):
    """Ids are paged by number, and deleting while reading skips some."""

    fails = "test_rows_may_be_deleted_while_ids_are_given"

    class ByNumber(ToyLedger):
        def ids(self, source: str | None = None, *, committed: bool = False) -> Any:
            start = 0  # pages by number miss what moves up when earlier rows are deleted
            while page := self.page(source, "", committed=committed)[start : start + 1000]:
                yield from page
                start += 1000

    make = ledger(ids=ByNumber.ids)


class FaultyFew(t.LedgerContract):
    """Of a long list only the first thousand are looked up."""

    fails = "test_one_call_takes_thousands_of_rows"
    make = ledger(rows=lambda self, ids: ToyLedger.rows(self, ids[:1000]))


class FaultyMercy(t.LedgerContract):
    """What was committed stays in quarantine."""

    fails = "test_a_commit_takes_its_names_out_of_quarantine"

    def commit(self: Any, rows: Any) -> None:
        with self.writing() as here:
            refused = dict(here["refused"])
            ToyLedger.commit(self, rows)
            here["refused"].update(refused)

    make = ledger(commit=commit)


class FaultyRelease(t.LedgerContract):
    """What is fine again stays in quarantine."""

    fails = "test_the_end_of_an_ingest_releases_what_other_runs_refused"
    make = ledger(finish=lambda self, source, run, release: ToyLedger.finish(self, source, run, release=False))


class FaultyBeginning(t.LedgerContract):
    """A new ingest makes an earlier one unfinished."""

    fails = "test_an_ingest_begins_once_and_stays_finished"

    def begin(self: Any, source: str) -> bool:
        with self.writing() as here:
            before = source in here["sources"]
            here["sources"][source] = False
            return before

    make = ledger(begin=begin)


class FaultyDates(t.LedgerContract):
    """Nothing says when an ingest ended."""

    fails = "test_it_says_when_ingests_ended_where_it_knows"

    def finished_at(self: Any) -> dict[str, float]:
        return {}

    make = ledger(finished_at=finished_at)


class FaultyGenerations(t.LedgerContract):
    """All generations have one list."""

    fails = "test_generations_know_nothing_of_each_other"
    make = ledger(open=lambda self, generation, create=True: ToyLedger.open(self, 1, create=create))


class FaultyMemory(t.LedgerContract):
    """Forgetting leaves quarantine and beginnings."""

    fails = "test_what_is_forgotten_was_never_there"

    def forget(self: Any) -> None:
        with self.writing() as here:
            here["rows"].clear()

    make = ledger(forget=forget)


class FaultyReopening(t.LedgerContract):
    """What was under way is gone when the ledger is opened again."""

    fails = "test_what_was_written_is_there_when_opened_again"

    def reopen(self: Any, generation: int, *, create: bool = True) -> bool:
        there = ToyLedger.open(self, generation, create=create)
        with self.writing() as here:  # takes what was under way for lost
            here["rows"] = {id_: kept for id_, kept in here["rows"].items() if kept[1] == "committed"}
        return there

    make = ledger(open=reopen)


class FaultyMaking(t.LedgerContract):
    """Looking for a ledger makes one."""

    fails = "test_without_create_nothing_is_made"
    make = ledger(open=lambda self, generation, create=True: ToyLedger.open(self, generation))


class FaultyReader(t.LedgerContract):
    """A reader sees what was there when it began to read."""

    fails = "test_a_reader_sees_what_is_written_meanwhile"

    def reading(self: Any) -> Any:
        self.read = self.read and (self.path.stat().st_ino, self.path.stat().st_mtime_ns)
        return ToyLedger.reading(self)

    make = ledger(reading=reading)


class FaultyNames(t.LedgerContract):
    """Odd characters in names are dropped."""

    fails = "test_odd_names_come_back_as_they_were"
    make = ledger(
        commit=lambda self, rows: ToyLedger.commit(self, [replace(row, uri=row.uri.replace("\0", "")) for row in rows])
    )


class FaultyHalf(t.LedgerContract):
    """A write that fails is half done."""

    fails = "test_a_write_that_fails_writes_nothing"

    def quarantine(self: Any, source: str, run: str, refused: Any) -> None:
        for one in refused:
            ToyLedger.quarantine(self, source, run, [one])

    make = ledger(quarantine=quarantine)


class FaultyLosing(t.LedgerContract):
    """Two threads that write at once lose what one of them wrote."""

    fails = "test_several_threads_may_use_it_at_once"

    def commit(self: Any, rows: Any) -> None:
        with self.reading() as here:
            before = json.loads(json.dumps(here))
        time.sleep(0.01)  # what others write meanwhile is lost
        with self.writing() as here:
            here.update(before)
            ToyLedger.commit(self, rows)

    make = ledger(commit=commit)


class FaultyDurable(t.LedgerContract):
    """What was committed is written only at the end."""

    fails = "test_what_was_committed_survives_a_kill_and_nothing_is_half_written"

    class AtTheEnd(ToyLedger):
        def write(self, text: str) -> None:
            self.text = text

        def close(self) -> None:
            ToyLedger.write(self, self.text)

        def open(self, generation: int, *, create: bool = True) -> bool:
            super().write("{}") if create else None
            return super().open(generation, create=create)

    make = pytest.fixture(lambda self: FaultyDurable.AtTheEnd)
