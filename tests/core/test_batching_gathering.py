"""Gathering: one call for those that come together, each its own result, and nobody held up by another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagora_batching.gathering import Gathering
from imagora_batching.options import Batching

POISON = -1


class Doubling:
    """A function of a list that counts its calls, and can be held while it runs."""

    def __init__(self, held: bool = False) -> None:
        self.calls: list[list[int]] = []
        self.running = self.most_running = 0
        self.lock = threading.Lock()
        self.go = threading.Event()
        self.began = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, things: list[int]) -> list[int]:
        with self.lock:
            self.calls.append(list(things))
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        self.began.set()
        assert self.go.wait(10)
        with self.lock:
            self.running -= 1
        if POISON in things:
            raise ValueError("poison")
        return [2 * thing for thing in things]


def gathering(function: Callable[[list[int]], Sequence[int]], **options: Any) -> tuple[Any, list[int]]:
    heard: list[int] = []
    return Gathering[int, int](function, Batching(**options), heard.append), heard


def waiting(gathered: Any, number: int) -> None:
    """Wait until so many calls wait in it."""
    until = time.monotonic() + 10
    while len(gathered._waiting) < number:
        assert time.monotonic() < until
        time.sleep(0.001)


def held_up(function: Doubling, gathered: Any, calls: Sequence[Sequence[int]]) -> list[Any]:
    """Make one call, and while it runs the others, in their order; give what became of all."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = []
        for number, things in enumerate(calls):
            futures.append(pool.submit(gathered.now, things, lambda things=things: function(list(things))))
            assert function.began.wait(10)
            waiting(gathered, number)
        function.go.set()
    return [future.exception() or future.result() for future in futures]


def test_a_call_that_comes_alone_is_made_at_once_as_it_is() -> None:
    gathered, heard = gathering(lambda things: pytest.fail("it was gathered"), wait=1)
    started = time.monotonic()
    for thing in range(50):
        assert gathered.now([thing], lambda thing=thing: [2 * thing]) == [2 * thing]
    assert time.monotonic() - started < 1, "50 calls did not wait once for others"
    assert heard == [1] * 50


def test_those_that_come_while_one_runs_go_together_in_their_order() -> None:
    function = Doubling(held=True)
    gathered, heard = gathering(function)
    assert held_up(function, gathered, [[1], [2], [3, 4], [5]]) == [[2], [4], [6, 8], [10]]
    assert function.calls == [[1], [2, 3, 4, 5]]
    assert sorted(heard) == [1, 3, 3, 3]


def test_no_more_go_together_than_may() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function, most=2, wait=0)
    held_up(function, gathered, [[n] for n in range(6)])
    assert function.calls == [[0], [1, 2], [3, 4], [5]]


def test_one_that_fails_fails_alone() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function)
    first, one, poisoned, other = held_up(function, gathered, [[1], [2], [POISON], [3]])
    assert (first, one, other) == ([2], [4], [6])
    assert isinstance(poisoned, ValueError)
    assert function.calls == [[1], [2, POISON, 3], [2], [POISON], [3]]


def test_a_function_that_gives_too_few_results_gives_nobody_another_ones() -> None:
    def short(things: list[int]) -> list[int]:
        return [2 * thing for thing in things][: 1 if len(things) > 1 else None]

    function = Doubling(held=True)
    gathered, _ = gathering(lambda things: short(function(things)))
    assert held_up(function, gathered, [[1], [2], [3]]) == [[2], [8], [12]], "each by itself, through both"


def test_a_lone_call_that_fails_leaves_its_place() -> None:
    gathered, _ = gathering(Doubling())
    for _ in range(2):
        with pytest.raises(ValueError, match="poison"):
            gathered.now([POISON], lambda: Doubling()([POISON]))
    assert gathered.now([1], lambda: [2]) == [2]


def test_as_many_run_at_once_as_may() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function, at_once=2)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(gathered.now, [n], lambda n=n: function([n])) for n in range(4)]
        waiting(gathered, 2)
        assert function.most_running == 2
        function.go.set()
    assert sorted(future.result()[0] for future in futures) == [0, 2, 4, 6]
    assert function.most_running == 2


def test_whoever_stops_waiting_is_left_out_and_holds_up_nobody() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function)

    async def scene() -> list[Any]:
        def later(thing: int) -> asyncio.Task[Any]:
            return asyncio.create_task(gathered.later([thing], lambda: function([thing])))

        first = later(1)
        await asyncio.to_thread(function.began.wait, 10)
        others = [later(thing) for thing in (2, 3, 4)]
        await asyncio.to_thread(waiting, gathered, 3)
        others[1].cancel()
        await asyncio.sleep(0)
        function.go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    one, two, cancelled, four = asyncio.run(scene())
    assert (one, two, four) == ([2], [4], [8]) and isinstance(cancelled, asyncio.CancelledError)
    assert function.calls == [[1], [2, 4]]


def test_a_lone_call_that_nobody_waits_for_any_more_keeps_its_place_until_it_ends() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function)

    async def scene() -> Any:
        first = asyncio.create_task(gathered.later([1], lambda: function([1])))
        await asyncio.to_thread(function.began.wait, 10)
        first.cancel()
        second = asyncio.create_task(gathered.later([2], lambda: function([2])))
        await asyncio.to_thread(waiting, gathered, 1)
        assert function.most_running == 1
        function.go.set()
        return await second

    assert asyncio.run(scene()) == [4]
    assert function.most_running == 1


def test_when_all_have_left_the_place_is_free() -> None:
    function = Doubling(held=True)
    gathered, _ = gathering(function)

    async def scene() -> None:
        tasks = [asyncio.create_task(gathered.later([1], lambda: function([1])))]
        await asyncio.to_thread(function.began.wait, 10)
        tasks += [asyncio.create_task(gathered.later([n], lambda: [])) for n in range(5)]
        await asyncio.to_thread(waiting, gathered, 5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        function.go.set()

    asyncio.run(scene())
    until = time.monotonic() + 10
    while gathered._running and time.monotonic() < until:
        time.sleep(0.001)
    assert gathered._running == 0 and function.calls == [[1]]
    assert gathered.now([7], lambda: [14]) == [14]


@pytest.mark.parametrize(("wait", "batches"), [(60, [[3, 4, 5]]), (0, [[3], [4, 5]])])
def test_where_there_are_many_company_is_awaited_and_no_longer_than_it_takes_to_come(
    wait: float, batches: list[list[int]]
) -> None:
    """After a call of two, and with one that waits, three are expected: nobody waits the whole minute."""
    functions = [Doubling(held=True) for _ in range(4)]
    stages = iter(functions)

    def one_after_the_other(things: list[int]) -> list[int]:
        return next(stages)(things)

    gathered, _ = gathering(one_after_the_other)
    gathered._options = gathered._options.model_copy(update={"wait": wait})
    with ThreadPoolExecutor(6) as pool:

        def come(thing: int) -> Any:
            return pool.submit(gathered.now, [thing], lambda: functions[0]([thing]))

        next(stages)
        jobs = [come(0)]
        assert functions[0].began.wait(10)
        jobs += [come(1), come(2)]
        waiting(gathered, 2)
        functions[0].go.set()
        assert functions[1].began.wait(10)
        jobs.append(come(3))
        waiting(gathered, 1)
        functions[1].go.set()
        if wait:
            assert not functions[2].began.wait(0.2), "it goes when the others have come"
        else:
            assert functions[2].began.wait(10)
        jobs += [come(4)]
        waiting(gathered, 2 if wait else 1)
        jobs += [come(5)]
        if not wait:
            waiting(gathered, 2)
        for function in functions[2:]:
            function.go.set()
        assert sorted(job.result(30)[0] for job in jobs) == [0, 2, 4, 6, 8, 10]
    made = [sorted(call) for function in functions for call in function.calls]
    assert made == [[0], [1, 2], *batches]


things = st.lists(st.integers(0, 1000), min_size=1, max_size=4)
moves = st.lists(
    st.tuples(things, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=24
)


@settings(max_examples=60, deadline=None)
@given(moves, st.integers(1, 8), st.integers(1, 3), st.sampled_from([0, 0.002]))
def test_whatever_comes_from_wherever_each_gets_its_own(
    calls: list[tuple[list[int], bool, bool, bool, int]], most: int, at_once: int, wait: float
) -> None:
    """Calls come from three loops and from threads; some are poisoned, and some stop waiting."""
    function = Doubling()

    def slow(given: list[int]) -> list[int]:
        time.sleep(0.0005)
        return function(given)

    gathered, heard = gathering(slow, most=most, at_once=at_once, wait=wait)
    right: list[bool] = []

    async def one(given: list[int], poisoned: bool, cancelled: bool) -> None:
        whole = [*given, POISON] if poisoned else given
        task = asyncio.create_task(gathered.later(whole, lambda: slow(whole)))
        await asyncio.sleep(0)
        if cancelled:
            task.cancel()
        found = (await asyncio.gather(task, return_exceptions=True))[0]
        fine = isinstance(found, ValueError) if poisoned else found == [2 * thing for thing in given]
        right.append(fine or (cancelled and isinstance(found, asyncio.CancelledError)))

    async def loop(mine: list[tuple[list[int], bool, bool, bool, int]]) -> None:
        await asyncio.gather(*(one(given, poisoned, cancelled) for given, poisoned, cancelled, _, _ in mine))

    def thread(given: list[int], poisoned: bool) -> None:
        whole = [*given, POISON] if poisoned else given
        try:
            right.append(gathered.now(whole, lambda: slow(whole)) == [2 * t for t in given] and not poisoned)
        except ValueError:
            right.append(poisoned)

    with ThreadPoolExecutor(32) as pool:
        jobs = [pool.submit(thread, given, poisoned) for given, poisoned, _, sync, _ in calls if sync]
        for number in range(3):
            mine = [call for call in calls if not call[3] and call[4] % 3 == number]
            jobs.append(pool.submit(lambda mine=mine: asyncio.run(loop(mine))))
        for job in jobs:
            job.result(30)
    assert len(right) == len(calls) and all(right)
    assert function.most_running <= at_once
    assert max(heard, default=1) <= most
    until = time.monotonic() + 10
    while gathered._running and time.monotonic() < until:
        time.sleep(0.001)
    assert (gathered._running, len(gathered._waiting)) == (0, 0), "all places are free again"
