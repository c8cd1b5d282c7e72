"""The engine `local`: in how many threads it embeds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from imagora.runner import Change, Made
from imagora.stages import Prepared
from imagora.testing.toy_maker import ToyMaker, change
from imagora.threads import beside
from imagora_ingestion.local import LocalRunner
from imagora_ingestion.road import gathered


class Meeting(ToyMaker):
    """Waits in `embed` at first until as many threads are there as it has lanes; knows the parts that it was given."""

    def __init__(self, lanes: int) -> None:
        super().__init__(batch=8, lanes=lanes)
        self.parts: list[int] = []
        self.beside: set[int] = set()
        self._lock = threading.Lock()
        self._met = threading.Barrier(lanes, timeout=20)

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        with self._lock:
            self.parts.append(len(prepared))
            self.beside.add(beside.get())
            first = len(self.parts) <= self.lanes
        if first:
            self._met.wait()
        return super().embed(prepared)


@pytest.mark.parametrize("lanes", [1, 2])
def test_parts_of_a_batch_are_embedded_at_once_in_as_many_lanes_as_the_maker_has(lanes: int) -> None:
    changes, maker = [change(n) for n in range(64)], Meeting(lanes)
    made = [one for group in LocalRunner().run(maker, [changes]) for one in group]
    assert [one.change for one in made] == changes
    assert max(maker.parts) == (8 if lanes == 1 else 2), "two parts for each of several lanes, so that none waits"
    assert maker.beside == {lanes} and beside.get() == 1


def test_results_are_gathered_until_a_write_is_worth_it_and_nothing_of_them_is_lost() -> None:
    made = [Made(change(n)) for n in range(200)]
    parts = [made[at : at + 8] for at in range(0, 200, 8)]
    given = list(gathered(parts))
    assert [one for part in given for one in part] == made
    assert {len(part) for part in given[:-1]} == {32}


def test_results_that_come_slowly_are_written_after_a_second_and_the_end_of_a_breath_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, now = [Made(change(n)) for n in range(12)], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slowly() -> Iterator[list[Made]]:
        for one in made[:6]:
            now[0] += 0.4
            yield [one]
        yield []  # nothing has come for a while
        yield made[6:]

    assert [len(part) for part in gathered(slowly())] == [4, 2, 6]
