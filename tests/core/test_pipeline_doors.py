"""The synchronous door and its asynchronous twin: the same answers, from any thread, in any loop."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest
from imagora import Pipeline, Query
from imagora.door import Door
from toy_recipes import built

FDS = Path("/proc/self/fd")
QUESTIONS = ["rose", "blue waves", "lemon", "Ann"]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with built(tmp_path) as pipeline:
        pipeline.ingest()
        yield pipeline


def test_both_doors_give_the_same(pipeline: Pipeline) -> None:
    for question in QUESTIONS:
        answers = [pipeline.ask(question), asyncio.run(pipeline.aask(question))]
        answers.append(asyncio.run(pipeline.answer(Query(question))))
        told = [{**answer.to_dict(), "stages": [s.stage for s in answer.stages]} for answer in answers]
        assert told[0] == told[1] == told[2]
        found = asyncio.run(pipeline.asearch(question))
        assert [p.to_dict() for p in pipeline.search(question).passages] == [p.to_dict() for p in found.passages]


def test_the_synchronous_door_opens_inside_a_running_loop(pipeline: Pipeline) -> None:
    async def notebook() -> str:
        return pipeline.ask("rose").text

    assert asyncio.run(notebook()) == pipeline.ask("rose").text


def test_many_threads_ask_at_once_and_each_gets_its_own_answer(pipeline: Pipeline) -> None:
    right = {question: pipeline.ask(question).text for question in QUESTIONS}
    assert len(set(right.values())) > 1
    with ThreadPoolExecutor(8) as pool:
        asked = QUESTIONS * 10
        assert list(pool.map(lambda question: pipeline.ask(question).text, asked)) == [right[q] for q in asked]


def test_many_tasks_ask_at_once_and_each_has_its_own_record(pipeline: Pipeline) -> None:
    async def all_at_once() -> None:
        for answer in await asyncio.gather(*(pipeline.aask(question) for question in QUESTIONS * 5)):
            assert [record.stage for record in answer.stages] == ["retriever", "prompt", "generator"]

    asyncio.run(all_at_once())


def test_a_door_that_was_closed_opens_again_and_leaves_nothing_behind() -> None:
    async def one() -> int:
        return await asyncio.to_thread(lambda: 1)

    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        door = Door()
        opened: list[int] = []
        for _ in range(20):
            assert door.run(one()) == 1
            door.close()
            patience = time.monotonic() + 30
            while set(threading.enumerate()) - before and time.monotonic() < patience:
                time.sleep(0.001)
            assert set(threading.enumerate()) <= before
            opened.append(len(list(FDS.iterdir())) if FDS.is_dir() else 0)
        assert opened[0] == opened[-1]


def test_who_waits_at_a_door_that_closes_is_told() -> None:
    door, inside = Door(), threading.Event()

    async def forever() -> None:
        inside.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(door.run, forever())
        assert inside.wait(5)
        door.close()
        with pytest.raises(CancelledError):
            waiting.result(5)


def test_who_calls_alone_runs_the_loop_and_its_connections_live_on() -> None:
    async def where() -> tuple[int, asyncio.AbstractEventLoop]:
        return threading.get_ident(), asyncio.get_running_loop()

    door = Door()
    (first, loop), (second, again) = door.run(where()), door.run(where())
    with ThreadPoolExecutor(1) as pool:
        (elsewhere, other) = pool.submit(door.run, where()).result(5)
    assert first == second == threading.get_ident() != elsewhere
    assert loop is again is other
    door.close()
    assert loop.is_closed()


def test_who_comes_while_another_runs_the_loop_waits_for_neither_its_call_nor_its_end() -> None:
    door, inside = Door(), threading.Event()

    async def long(more: asyncio.Event) -> str:
        inside.set()
        await more.wait()
        return "long"

    async def short() -> int:
        return threading.get_ident()

    async def last(more: asyncio.Event) -> str:
        more.set()
        await asyncio.sleep(0.2)  # the one that ran the loop has left
        return "last"

    more = asyncio.Event()
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(door.run, long(more))
        assert inside.wait(5)
        assert door.run(short()) != threading.get_ident()
        assert door.run(last(more)) == "last"
        assert waiting.result(5) == "long"
    door.close()


def test_what_a_call_leaves_behind_goes_on() -> None:
    door, done = Door(), threading.Event()
    kept: list[asyncio.Task[None]] = []

    async def later() -> None:
        await asyncio.sleep(0.05)
        done.set()

    async def leaving() -> None:
        kept.append(asyncio.create_task(later()))

    door.run(leaving())
    assert done.wait(5)
    door.close()


def test_ctrl_c_ends_a_call_and_the_door_stays_open() -> None:
    door, ended = Door(), threading.Event()

    async def long() -> None:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        door.run(long())
    assert ended.is_set()
    assert door.run(asyncio.sleep(0, "again")) == "again"
    door.close()


def test_what_is_raised_inside_comes_out() -> None:
    async def fails() -> None:
        raise LookupError("inside")

    door = Door()
    with pytest.raises(LookupError, match="inside"):
        door.run(fails())
    door.close()


def test_a_step_that_never_waits_does_not_keep_a_connection_waiting() -> None:
    async def said() -> bytes:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"here")
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            reading = asyncio.create_task(reader.read())
            while not reading.done():
                await asyncio.sleep(0)
            writer.close()
            return reading.result()

    door = Door()
    assert door.run(asyncio.wait_for(said(), 30)) == b"here"
    door.close()


def test_what_a_thread_wants_done_comes_to_a_loop_that_never_rests() -> None:
    async def called() -> bool:
        done = asyncio.Event()
        threading.Timer(0.05, asyncio.get_running_loop().call_soon_threadsafe, [done.set]).start()
        while not done.is_set():
            await asyncio.sleep(0)
        return True

    door = Door()
    assert door.run(asyncio.wait_for(called(), 30))
    door.close()
