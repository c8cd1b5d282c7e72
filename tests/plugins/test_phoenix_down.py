"""A collector that is down, slow or full costs traces, which are counted, and no query waits for it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagora import Query
from imagora.tracing import Traced

pytest.importorskip("opentelemetry.sdk", reason="needs the extra: pip install 'imagora[phoenix]'")

from imagora_phoenix import outbox
from imagora_phoenix.last_trace import read
from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.tracer import PhoenixTracer

from .otlp_receiver import Receiver, receiver
from .phoenix_toys import finish, traced

BLOCKING = ("socket.", "open", "os.rename", "os.mkdir", "tempfile.", "subprocess.", "time.sleep")
_watched: dict[int, list[str]] = {}


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if (seen := _watched.get(threading.get_ident())) is not None and event.startswith(BLOCKING):
        seen.append(f"{event} {args}")


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def query(tracer: PhoenixTracer, stages: int = 1) -> None:
    with tracer.query(Traced("answer", "r", "h", {}, Query("rose"), False)):
        for _ in range(stages):
            with tracer.stage("retriever", "some", []):
                pass


def test_a_query_opens_no_file_and_no_connection_for_its_trace(collector: Receiver) -> None:
    collector.answers.clear()
    for url in (nowhere(), collector.url):
        tracer = PhoenixTracer(PhoenixOptions(url=url, queue=20, timeout=0.5))
        query(tracer)  # the first one starts the thread, which loads what it needs
        seen = _watched[threading.get_ident()] = []
        try:
            for _ in range(100):  # more than the queue takes
                query(tracer)
        finally:
            del _watched[threading.get_ident()]
        assert seen == []
        collector.answers.set()
        tracer.close()
        assert tracer.counts.dropped > 0


def test_the_ear_for_blocking_calls_hears_them(tmp_path: Path) -> None:
    seen = _watched[threading.get_ident()] = []
    (tmp_path / "file").write_text("x")
    socket.create_server(("127.0.0.1", 0)).close()
    del _watched[threading.get_ident()]
    assert [event.split()[0] for event in seen if str(tmp_path) in event] == ["open"]
    assert any(event.startswith("socket.bind") for event in seen)


def test_queries_end_while_the_collector_hangs(collector: Receiver, tmp_path: Path) -> None:
    collector.answers.clear()
    pipeline = traced(tmp_path, collector.url)
    answers = []
    for _ in range(2):
        answers.append(pipeline.ask("a red rose"))
        assert collector.asked.wait(30)  # it has the first spans and does not answer
    assert [answer.refused for answer in answers] == [False, False]
    collector.answers.set()
    counts = finish(pipeline)
    assert counts.sent == len(collector.spans()) == 2 * 5


def test_no_more_spans_wait_than_the_queue_takes_and_the_rest_is_counted(
    collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answers.clear()
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url, queue=10))
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            query(tracer)
            assert tracer.counts.waiting <= 10
    assert tracer.counts.waiting + tracer.counts.dropped == 100
    collector.answers.set()
    tracer.close()
    counts = tracer.counts
    assert (counts.waiting, counts.failed) == (0, 0)
    assert counts.sent == len(collector.spans()) == 10 and counts.dropped == 90
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "more than 10 spans are waiting" in warning.getMessage()


@pytest.mark.parametrize(("status", "why"), [(401, "HTTP 401"), (503, "HTTP 503"), (None, "ConnectionError")])
def test_what_fails_is_counted_and_said_once(
    status: int | None, why: str, collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = status or 200
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url if status else nowhere(), timeout=0.3, queue=500))
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            query(tracer)
        tracer.close()
    counts = tracer.counts
    assert (counts.sent, counts.failed, counts.dropped, counts.waiting) == (0, 200, 0, 0)
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.name == "imagora_phoenix.outbox" and why in warning.getMessage()
    state = read()
    assert state is not None and (state["failed"], state["last"]["arrived"]) == (200, False)


def test_a_program_ends_soon_where_nobody_answers(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LAST", 0.2)
    collector.answers.clear()
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url, timeout=60))
    query(tracer, 3)
    ending = threading.Thread(target=tracer.close)
    ending.start()
    ending.join(30)  # and not the 60 s that the collector may take
    assert not ending.is_alive()
    assert (tracer.counts.dropped, tracer.counts.waiting, tracer.counts.sent) == (4, 0, 0)
    state = read()
    assert state is not None and state["dropped"] == 4


def test_a_tracer_that_was_closed_begins_again(collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))
    for times in (1, 2):
        query(tracer)
        tracer.close()
        tracer.close()
        assert tracer.counts.sent == len(collector.spans()) == 2 * times


def test_spans_of_a_query_that_outlives_the_tracer_are_counted(collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))
    with tracer.query(Traced("answer", "r", "h", {}, Query("rose"), False)):
        tracer.close()
    assert (tracer.counts.sent, tracer.counts.dropped, tracer.counts.waiting) == (0, 1, 0)


def test_a_program_that_forgets_to_close_sends_all_the_same(collector: Receiver, tmp_path: Path) -> None:
    program = f"""
from imagora import Query
from imagora.tracing import Traced
from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.tracer import PhoenixTracer
tracer = PhoenixTracer(PhoenixOptions(url="{collector.url}"))
with tracer.query(Traced("answer", "r", "h", {{}}, Query("rose"), False)):
    pass
"""
    done = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in collector.spans()] == ["answer"]


def test_a_process_that_was_forked_sends_its_own_spans_only(collector: Receiver) -> None:
    program = f"""
import os
from imagora import Query
from imagora.tracing import Traced
from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.tracer import PhoenixTracer
tracer = PhoenixTracer(PhoenixOptions(url="{collector.url}"))
def query(kind):
    with tracer.query(Traced(kind, "r", "h", {{}}, Query("rose"), False)):
        pass
query("before")
if child := os.fork():
    os.waitpid(child, 0)
    query("parent")
else:
    query("child")
tracer.close()
assert (tracer.counts.sent, tracer.counts.dropped) == ((2, 0) if child else (1, 0)), tracer.counts
"""
    # Python 3.12 and newer warn of every fork of a process with threads, which is what is tested here.
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.name for span in collector.spans()) == ["before", "child", "parent"]


def test_many_threads_lose_nothing(collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url, queue=100_000))
    threads = [threading.Thread(target=lambda: [query(tracer, 4) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracer.close()
    assert tracer.counts.sent == len({span.id for span in collector.spans()}) == 8 * 20 * 5


def test_one_query_after_the_other_in_new_loops_is_traced(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url)
    for _ in range(3):
        asyncio.run(pipeline.retrieve(Query("rose")))
    finish(pipeline)
    assert len(collector.named("search")) == 3
