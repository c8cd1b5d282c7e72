"""Calls of a few milliseconds: in the caller's own thread where that keeps nobody waiting, else in another."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from imagora.door import Door
from imagora.threads import nearby


async def where() -> str:
    return await nearby(lambda: threading.current_thread().name)


def here() -> str:
    return threading.current_thread().name


def test_who_calls_alone_is_answered_in_their_own_thread() -> None:
    door = Door()
    assert [door.run(where()) for _ in range(3)] == [here()] * 3
    door.close()


def test_a_call_beside_others_goes_to_another_thread() -> None:
    async def beside() -> str:
        other = asyncio.create_task(asyncio.sleep(60))
        try:
            return await where()
        finally:
            other.cancel()

    async def within_a_task_of_its_own() -> str:
        return await asyncio.create_task(where())

    for call in (beside, within_a_task_of_its_own):
        door = Door()
        assert door.run(call()).startswith("imagora")
        door.close()


def test_in_an_event_loop_of_the_callers_it_goes_to_another_thread() -> None:
    assert asyncio.run(where()).startswith("imagora")


def test_callers_at_once_are_all_answered() -> None:
    door, at_once = Door(), threading.Barrier(4)

    def call(number: int) -> int:
        at_once.wait(10)
        return door.run(nearby(lambda: number))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [0, 1, 2, 3]
    assert door.run(where())
    door.close()
