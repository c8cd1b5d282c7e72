"""The contract of ledgers: how far items are, quarantine, generations, many rows, threads and killed processes."""

from __future__ import annotations

import os
import select
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

from imagora.ledger import STATES, DatedLedger, Ledger, Row

from .built import Placed

ODD_NAMES = ("ä 東京 🦊", "two\nlines", "a'b\"c\\0 %s {} $1", "nul\0and\x1besc", "x" * 10_000, "y" * 10_000)
SECONDS = 60
"""How long a process that is about to be killed may take to get that far."""


def row(number: int, version: str = "1", source: str = "shop") -> Row:
    """Make the row of a numbered item of a source; its hashes tell its version."""
    id_ = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{source} {number}"))
    return Row(id_, source, f"item {number}", f"content {version}", f"metadata {version}", f"recipe {version}")


def bare(row: Row) -> Row:
    """Give the row of an item that the index is about to get for the first time."""
    return replace(row, content="", metadata="", recipe="")


def held(ledger: Ledger, rows: Sequence[Row]) -> list[Row]:
    """Give what a ledger has under the ids of these rows, in their order."""
    found = ledger.rows([row.id for row in rows])
    return [found[row.id] for row in rows if row.id in found]


class LedgerContract(Placed):
    """Name the `component`, or give the fixture `make`: a function that makes the unopened ledger at a path.

    Two that are made for one path are the same ledger, and each is closed before the next one writes.
    """

    kind = "ledger"

    @pytest.fixture
    def ledger(self, make: Callable[[Path], Ledger], tmp_path: Path) -> Iterator[Ledger]:
        ledger = make(tmp_path / "ledger")
        assert ledger.open(1)
        yield ledger
        ledger.close()

    def test_an_item_has_empty_hashes_until_its_first_version_is_committed(self, ledger: Ledger) -> None:
        assert ledger.rows([]) == ledger.rows([row(1).id]) == {} and ledger.count() == 0 and not list(ledger.ids())
        for state in STATES[:-1]:
            ledger.mark([row(1)], state)
            assert ledger.rows([row(1).id, row(2).id]) == {row(1).id: bare(row(1))}
            assert {name: number for name, number in ledger.states().items() if number} == {state: 1}
            assert ledger.count() == 0 and list(ledger.ids()) == [row(1).id] and not list(ledger.ids(committed=True))
        ledger.commit([row(1)])
        assert held(ledger, [row(1)]) == [row(1)] and ledger.count() == 1
        assert {name: number for name, number in ledger.states().items() if number} == {"committed": 1}
        assert list(ledger.ids(committed=True)) == [row(1).id]

    def test_hashes_stay_while_a_successor_is_under_way(self, ledger: Ledger) -> None:
        ledger.commit([row(1), row(2)])
        for state in STATES[:-1]:
            ledger.mark([row(1, "2")], state)
            assert held(ledger, [row(1), row(2)]) == [row(1), row(2)], "the index still has the first version"
            assert {name: number for name, number in ledger.states().items() if number} == {state: 1, "committed": 1}
            assert ledger.count() == 2 and len(list(ledger.ids(committed=True))) == 2
        ledger.commit([row(1, "2")])
        assert held(ledger, [row(1), row(2)]) == [row(1, "2"), row(2)] and ledger.count() == 2

    def test_an_item_that_comes_twice_in_one_call_has_the_last_version(self, ledger: Ledger) -> None:
        ledger.mark([row(1), row(1, "2")], "seen")
        ledger.commit([row(1), row(2), row(1, "2")])
        ledger.quarantine("shop", "run", [("item 3", "torn"), ("item 3", "empty")])
        assert held(ledger, [row(1), row(2)]) == [row(1, "2"), row(2)] and ledger.count() == 2
        assert ledger.quarantined() == [("shop", "item 3", "empty")]

    def test_what_is_deleted_is_gone(self, ledger: Ledger) -> None:
        ledger.commit([row(1), row(2), row(3)])
        ledger.mark([row(4), row(5)], "decoded")
        ledger.delete([row(1).id, row(4).id, row(4).id, str(uuid.uuid4())])
        for nothing in (ledger.delete, ledger.commit, lambda rows: ledger.mark(rows, "seen")):
            nothing([])
        assert held(ledger, [row(n) for n in range(1, 6)]) == [row(2), row(3), bare(row(5))] and ledger.count() == 2
        ledger.mark([row(1)], "embedded")
        assert held(ledger, [row(1)]) == [bare(row(1))], "its old hashes do not come back"

    def test_ids_are_those_of_the_source_that_is_asked_for(self, ledger: Ledger) -> None:
        farm = [row(n, source="farm") for n in range(4)]
        ledger.commit([row(1), *farm[:3]])
        ledger.mark([row(2), farm[3]], "seen")
        assert sorted(ledger.ids()) == sorted([row(1).id, row(2).id, *(one.id for one in farm)])
        assert sorted(ledger.ids("farm")) == sorted(one.id for one in farm)
        assert sorted(ledger.ids("farm", committed=True)) == sorted(one.id for one in farm[:3])
        assert not list(ledger.ids("far")) and sorted(ledger.ids("shop")) == sorted([row(1).id, row(2).id])

    def test_rows_may_be_deleted_while_ids_are_given(self, ledger: Ledger) -> None:
        rows = [row(number) for number in range(5_000)]
        ledger.commit(rows)
        expected = sorted(ledger.ids())
        left, others, gone = ledger.ids(), ledger.ids("shop"), set[str]()
        given: list[str] = []
        next(others)  # and is never read to its end
        while page := list(islice(left, 700)):
            given += page
            ahead = sorted(set(expected).difference(given, gone))[-50:]
            gone |= {*page[::2], *ahead}
            ledger.delete([*page[::2], *ahead])
        assert len(set(given)) == len(given), "each comes once"
        assert set(given) | gone == set(expected) and sorted(ledger.ids()) == sorted(set(expected) - gone)

    def test_one_call_takes_thousands_of_rows(self, ledger: Ledger) -> None:
        rows = [row(number) for number in range(8_000)]
        ledger.mark(rows, "embedded")
        ledger.commit(rows[::2])
        names = [one.id for one in rows] + [str(uuid.uuid4()) for _ in range(40_000)]
        assert ledger.rows(names) == {one.id: one if n % 2 == 0 else bare(one) for n, one in enumerate(rows)}
        assert ledger.states() == {"committed": 4_000, "embedded": 4_000} and ledger.count() == 4_000
        ledger.quarantine("shop", "run", ((one.uri, "torn") for one in rows))
        ledger.delete(names[4_000:])
        assert len(list(ledger.ids())) == 4_000 and len(ledger.quarantined()) == 8_000

    def test_a_commit_takes_its_names_out_of_quarantine(self, ledger: Ledger) -> None:
        ledger.quarantine("shop", "run 1", [("item 2", "torn"), ("item 1", "empty")])
        ledger.quarantine("farm", "run 2", [("item 1", "a bomb")])
        ledger.quarantine("shop", "run 3", [("item 2", "half of it"), ("item 3", "torn")])
        ledger.quarantine("shop", "run 3", [])
        expected = [("farm", "item 1", "a bomb"), ("shop", "item 1", "empty"), ("shop", "item 2", "half of it")]
        assert ledger.quarantined() == [*expected, ("shop", "item 3", "torn")]
        ledger.mark([row(1)], "written")
        assert len(ledger.quarantined()) == 4, "it is not in the index yet"
        ledger.commit([row(1), row(3), row(4)])
        assert ledger.quarantined() == [expected[0], expected[2]]
        ledger.delete([row(2).id])
        assert ledger.quarantined() == [expected[0], expected[2]]

    def test_the_end_of_an_ingest_releases_what_other_runs_refused(self, ledger: Ledger) -> None:
        ledger.quarantine("shop", "run 1", [("a", "torn"), ("b", "torn")])
        ledger.quarantine("farm", "run 1", [("c", "torn")])
        ledger.quarantine("shop", "run 2", [("b", "torn"), ("d", "torn")])
        ledger.finish("shop", "run 2", release=False)
        assert [name for _, name, _ in ledger.quarantined()] == ["c", "a", "b", "d"]
        ledger.finish("shop", "run 2", release=True)
        assert [name for _, name, _ in ledger.quarantined()] == ["c", "b", "d"], "b was refused again by run 2"
        ledger.finish("shop", "run 3", release=True)
        assert ledger.quarantined() == [("farm", "c", "torn")]

    def test_an_ingest_begins_once_and_stays_finished(self, ledger: Ledger) -> None:
        assert not ledger.finished()
        assert not ledger.begun("shop")
        assert [ledger.begin(source) for source in ("shop", "shop", "farm")] == [False, True, False]
        assert not ledger.finished()
        assert ledger.begun("shop") and not ledger.begun("field")
        ledger.finish("farm", "run", release=True)
        assert ledger.finished() and ledger.begin("farm") and ledger.finished()

    def test_it_says_when_ingests_ended_where_it_knows(self, ledger: Ledger) -> None:
        if not isinstance(ledger, DatedLedger):
            pytest.skip("this ledger does not say when ingests ended: it has no finished_at()")
        ledger.begin("shop")
        assert dict(ledger.finished_at()) == {}
        before = int(time.time())
        ledger.finish("shop", "run", release=True)
        ledger.begin("shop")
        ended = dict(ledger.finished_at())
        assert set(ended) == {"shop"} and before - 1 <= ended["shop"] <= time.time() + 1
        assert ledger.open(2) and dict(ledger.finished_at()) == {}
        assert ledger.open(1)
        ledger.forget()
        assert dict(ledger.finished_at()) == {}

    def test_generations_know_nothing_of_each_other(self, ledger: Ledger) -> None:
        ledger.commit([row(1), row(2)])
        ledger.quarantine("shop", "run", [("item 3", "torn")])
        ledger.begin("shop")
        ledger.finish("shop", "run", release=True)
        before = self.everything(ledger)
        ledger.close()
        assert ledger.open(2)
        assert self.everything(ledger) == ([], {}, 0, {}, [], False) and not ledger.begin("shop")
        ledger.commit([row(1, "2"), row(5)])
        ledger.delete([row(2).id])
        ledger.quarantine("shop", "run", [("item 3", "empty")])
        ledger.commit([row(3)])
        second = self.everything(ledger)
        ledger.close()
        assert ledger.open(1) and self.everything(ledger) == before
        ledger.forget()
        ledger.close()
        assert ledger.open(2) and self.everything(ledger) == second

    def test_what_is_forgotten_was_never_there(self, ledger: Ledger) -> None:
        ledger.commit([row(1)])
        ledger.mark([row(2)], "seen")
        ledger.quarantine("shop", "run", [("item 3", "torn")])
        ledger.begin("shop")
        ledger.finish("shop", "run", release=False)
        ledger.forget()
        assert self.everything(ledger) == ([], {}, 0, {}, [], False) and not ledger.begin("shop")
        ledger.mark([row(1)], "seen")
        assert held(ledger, [row(1)]) == [bare(row(1))]

    def test_what_was_written_is_there_when_opened_again(
        self, ledger: Ledger, make: Callable[[Path], Ledger], tmp_path: Path
    ) -> None:
        ledger.begin("shop")
        ledger.commit([row(1), row(2)])
        ledger.mark([row(2, "2"), row(3)], "written")
        ledger.quarantine("shop", "run", [("item 4", "torn")])
        ledger.finish("farm", "run", release=True)
        before = self.everything(ledger)
        assert before[1] == {row(1).id: row(1), row(2).id: row(2), row(3).id: bare(row(3))}
        assert before[2:] == (2, {"written": 2, "committed": 1}, [("shop", "item 4", "torn")], True)
        for create in (False, True):
            ledger.close()
            ledger.close()  # the second time there is nothing to close
            again = make(tmp_path / "ledger")
            assert again.open(1, create=create) and self.everything(again) == before and again.begin("shop")
            again.close()
        assert ledger.open(1) and self.everything(ledger) == before

    def test_without_create_nothing_is_made(self, make: Callable[[Path], Ledger], tmp_path: Path) -> None:
        place = make(tmp_path / "none").place
        for _ in range(2):  # the first try must not make one
            ledger = make(tmp_path / "none")
            assert ledger.open(1, create=False) is False
            ledger.close()
        assert ledger.open(1) is True and ledger.place == place != ""
        ledger.close()
        assert make(tmp_path / "none").place == place and ledger.open(1, create=False) is True
        ledger.close()
        assert make(tmp_path / "other").open(1, create=False) is False

    def test_a_reader_sees_what_is_written_meanwhile(
        self, ledger: Ledger, make: Callable[[Path], Ledger], tmp_path: Path
    ) -> None:
        reader = make(tmp_path / "ledger")
        assert reader.open(1, create=False)
        for number in range(3):
            ledger.commit([row(number)])
            ledger.quarantine("shop", "run", [(f"refused {number}", "torn")])
            assert self.everything(reader) == self.everything(ledger) and reader.count() == number + 1
        reader.close()

    def test_odd_names_come_back_as_they_were(self, ledger: Ledger) -> None:
        rows = [replace(row(n), source=name, uri=name) for n, name in enumerate(ODD_NAMES)]
        ledger.mark(rows, "seen")
        ledger.commit(rows)
        for n, name in enumerate(ODD_NAMES):
            ledger.quarantine(name, name, [(name, name), (f"{name} ", name)])
            assert not ledger.begin(name) and ledger.begin(name) and list(ledger.ids(name)) == [rows[n].id]
        assert held(ledger, rows) == rows
        assert sorted(ledger.quarantined()) == sorted((n, name, n) for n in ODD_NAMES for name in (n, f"{n} "))
        ledger.commit(rows)
        assert sorted(ledger.quarantined()) == sorted((name, f"{name} ", name) for name in ODD_NAMES)

    def test_a_write_that_fails_writes_nothing(self, ledger: Ledger) -> None:
        def breaks_off() -> Iterator[tuple[str, str]]:
            yield "item 1", "empty"
            yield "item 2", "empty"
            raise KeyError("the list ends here")

        ledger.quarantine("shop", "run 1", [("item 1", "torn")])
        with pytest.raises(KeyError, match="the list ends here"):
            ledger.quarantine("shop", "run 2", breaks_off())
        assert ledger.quarantined() == [("shop", "item 1", "torn")]
        ledger.commit([row(1)])
        assert ledger.quarantined() == [] and ledger.count() == 1, "it goes on after that"

    def test_several_threads_may_use_it_at_once(self, ledger: Ledger) -> None:
        def work(number: int) -> None:
            source = f"source {number}"
            for start in range(0, 200, 20):
                rows = [row(n, source=source) for n in range(start, start + 20)]
                ledger.mark(rows, "embedded")
                assert held(ledger, rows) == [bare(one) for one in rows]
                ledger.quarantine(source, "run", [(one.uri, "torn") for one in rows])
                ledger.commit(rows)
                ledger.delete([one.id for one in rows[10:]])
                assert held(ledger, rows) == rows[:10] and len(list(ledger.ids(source))) == start // 2 + 10

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert ledger.count() == len(set(ledger.ids())) == 400 and ledger.quarantined() == []

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork, and the test kills its child")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the child only writes, and is killed
    @pytest.mark.parametrize("wait", [0.0, 0.0, 0.002, 0.01, 0.03])
    def test_what_was_committed_survives_a_kill_and_nothing_is_half_written(
        self, make: Callable[[Path], Ledger], tmp_path: Path, wait: float
    ) -> None:
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            _write_for_ever(make(tmp_path / "ledger"), writes)
        os.close(writes)
        committed = _killed(child, reads, after=3, wait=wait)
        ledger = make(tmp_path / "ledger")
        assert ledger.open(1, create=False)
        sizes = Counter(int(one.uri.removeprefix("item ")) // 200 for one in self.everything(ledger)[1].values())
        assert set(sizes.values()) == {200}, "every call wrote all or nothing"
        assert committed >= 3 and set(range(committed)) <= set(sizes) <= set(range(committed + 1))
        there = held(ledger, [row(number) for number in range(committed * 200)])
        assert there == [row(number) for number in range(committed * 200)] and ledger.count() >= len(there)
        assert ledger.open(1) and ledger.begin("shop")
        ledger.close()

    @staticmethod
    def everything(ledger: Ledger) -> tuple[object, dict[str, Row], int, dict[str, int], object, bool]:
        """Give all that can be asked of a ledger."""
        ids, states = sorted(ledger.ids()), {str(name): n for name, n in ledger.states().items() if n}
        return ids, ledger.rows(ids), ledger.count(), states, ledger.quarantined(), ledger.finished()


def _write_for_ever(ledger: Ledger, told: int) -> NoReturn:
    with suppress(BaseException):  # this is a child: nothing of the parent's may run in it
        ledger.open(1)
        ledger.begin("shop")
        for number in range(1_000_000):
            rows = [row(n) for n in range(number * 200, number * 200 + 200)]
            ledger.mark(rows, "embedded")
            ledger.commit(rows)
            os.write(told, b".")
    os._exit(1)


def _killed(child: int, told: int, *, after: int, wait: float) -> int:
    """Kill a child that told of so many commits, a little later, and give how many it told of in all."""
    heard, end = 0, time.monotonic() + SECONDS
    while heard < after and select.select([told], [], [], max(0.0, end - time.monotonic()))[0]:
        if not (said := os.read(told, 64)):
            break  # it ended by itself
        heard += len(said)
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while said := os.read(told, 4096):
        heard += len(said)
    os.close(told)
    return heard
