"""The engine `local`: in how many threads it embeds."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from imagora.runner import Change, Made
from imagora.stages import Prepared
from imagora.testing.toy_maker import ToyMaker, change
from imagora_ingestion.local import LocalRunner


class Meeting(ToyMaker):
    """Waits in `embed` at first until as many threads are there as it has lanes; knows the parts that it was given."""

    def __init__(self, lanes: int) -> None:
        super().__init__(batch=8, lanes=lanes)
        self.parts: list[int] = []
        self._lock = threading.Lock()
        self._met = threading.Barrier(lanes, timeout=20)

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        with self._lock:
            self.parts.append(len(prepared))
            first = len(self.parts) <= self.lanes
        if first:
            self._met.wait()
        return super().embed(prepared)


@pytest.mark.parametrize("lanes", [1, 2])
def test_parts_of_a_batch_are_embedded_at_once_in_as_many_lanes_as_the_maker_has(lanes: int) -> None:
    changes, maker = [change(n) for n in range(64)], Meeting(lanes)
    made = [one for group in LocalRunner().run(maker, [changes]) for one in group]
    assert [one.change for one in made] == changes
    assert max(maker.parts) <= 8 // lanes
