"""The gateway under load: streams at once, four times too many, and clients that leave.

    python -m imagora_benchmarks.gateway_load [--seconds 300] [--streams 64] [--leavers 1000] [--json]

A gateway is served in a process of its own, with a recipe whose generator is a stub that says 20 to 60 words, 50 a
second, after a fifth of a second. Callers are in this process and read the streams as they come.

streams: so many at once, without a pause. Bounds: no error; from the first word's due time to its arrival at most 25 ms
in 95 of 100 streams; the process's memory grows by at most 5 % in the second half.
overload: callers at random moments, four times as many a second as the turns can answer, and none may wait. Bounds:
refusals (503 with Retry-After) within 50 ms in 95 of 100; answers within twice the time that they take at capacity; 5 s
afterwards all are answered again.
leavers: so many clients leave after the first word. Bounds: every one's work ends, and the gateway then has as many
tasks as before. Exit code 1 beyond a bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # its types are a package of their own
from rich.console import Console
from rich.table import Table

FIRST, PAUSE, WORDS, VARIED = 0.2, 0.02, 40, 20
PERIOD = FIRST + PAUSE * WORDS
ADDED, GROWTH, REFUSED_WITHIN, SLOWER, RECOVERED = 0.025, 0.05, 0.05, 2.0, 5.0
_OK, _BUSY = 200, 503
_lengths = random.Random(7)  # noqa: S311 - not a secret


@dataclass
class Heard:
    """One stream as its client heard it: seconds from the request; first: None where no word came."""

    status: int = 0
    first: float | None = None
    whole: float = 0.0
    words: int = 0
    missing: int = 0
    ended: bool = False
    retry_after: bool = False


@dataclass
class Outcome:
    """What was measured; seconds but for counts. failed: what is beyond its bound."""

    streams: int = 0
    errors: int = 0
    added_p95: float = 0.0
    megabytes: list[float] = field(default_factory=list)
    growth: float = 0.0
    answered_p95: float = 0.0
    refused: int = 0
    refused_p95: float = 0.0
    slower: float = 0.0
    overload_errors: int = 0
    recovered: float = 0.0
    left: int = 0
    tasks_left: int = 0
    failed: list[str] = field(default_factory=list)


async def hear(port: int, *, leave: bool = False) -> Heard:
    """Ask for one stream of some length and read it; leave: go away after the first word."""
    wanted = _lengths.randint(WORDS - VARIED, WORDS + VARIED)
    body = json.dumps(
        {"model": "stub", "messages": [{"role": "user", "content": f"say {wanted} words"}], "stream": True}
    )
    heard, begun = Heard(), time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body.encode())
        heard.status = int((await reader.readline()).split()[1])
        async for line in reader:
            heard.retry_after = heard.retry_after or line.lower().startswith(b"retry-after:")
            if b'"content":"word' in line or b'"content":" word' in line:
                heard.first = heard.first or time.perf_counter() - begun
                heard.words += 1
                if leave:
                    return heard
            heard.ended = heard.ended or line.startswith(b"data: [DONE]")
    except (OSError, IndexError, ValueError):
        heard.status = 0
    finally:
        heard.whole, heard.missing = time.perf_counter() - begun, wanted - heard.words
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return heard


async def callers(port: int, number: int, seconds: float) -> list[Heard]:
    """Let so many callers ask without a pause, for so many seconds."""
    heard: list[Heard] = []
    end = time.perf_counter() + seconds

    async def call(delay: float) -> None:
        await asyncio.sleep(delay)
        while time.perf_counter() < end:
            heard.append(await hear(port))

    await asyncio.gather(*(call(PERIOD * place / number) for place in range(number)))
    return heard


async def arrivals(port: int, a_second: float, seconds: float) -> list[Heard]:
    """Let callers come at random moments, so many a second, whatever becomes of those before; each asks once."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    due = time.perf_counter()
    end = due + seconds
    coming: list[asyncio.Task[Heard]] = []
    while (due := due + chance.expovariate(a_second)) < end:
        await asyncio.sleep(due - time.perf_counter())
        coming.append(asyncio.create_task(hear(port)))
    return await asyncio.gather(*coming)


async def streams(port: int, process: psutil.Process, number: int, seconds: float, outcome: Outcome) -> None:
    """Measure streams at capacity."""
    await callers(port, number, 2)  # what is loaded and kept for the first ones
    halves = []
    for _ in range(2):
        halves += await callers(port, number, seconds / 2)
        outcome.megabytes.append(process.memory_info().rss / 1e6)
    outcome.streams = len(halves)
    outcome.errors = sum(not (one.status == _OK and one.ended and not one.missing) for one in halves)
    outcome.added_p95 = _p95([one.first - FIRST for one in halves if one.first is not None])
    outcome.answered_p95 = _p95([one.whole for one in halves])
    outcome.growth = outcome.megabytes[1] / outcome.megabytes[0] - 1


async def overload(port: int, number: int, seconds: float, outcome: Outcome) -> None:
    """Measure what becomes of four times as many as there are turns for, and of those who come afterwards."""
    heard = await arrivals(port, 4 * number / PERIOD, seconds)
    taken = [one for one in heard if one.status == _OK]
    refused = [one for one in heard if one.status == _BUSY]
    outcome.refused, outcome.refused_p95 = len(refused), _p95([one.whole for one in refused])
    outcome.overload_errors = len(heard) - len(taken) - len(refused)
    outcome.overload_errors += sum(not one.retry_after for one in refused) + sum(
        not one.ended or one.missing > 0 for one in taken
    )
    outcome.slower = _p95([one.whole for one in taken]) / max(outcome.answered_p95, 1e-9)
    begun = time.perf_counter()
    while (await hear(port)).status != _OK and time.perf_counter() - begun < 10 * RECOVERED:
        await asyncio.sleep(0.1)
    outcome.recovered = max(0.0, time.perf_counter() - begun - PERIOD)


async def leavers(port: int, number: int, at_once: int, outcome: Outcome) -> None:
    """Measure what is left of clients that leave."""
    before = await _told(port, "/tasks")
    turns = asyncio.Semaphore(at_once)

    async def leave() -> None:
        async with turns:
            for _ in range(200):  # the turn of the one before may not be free yet
                if (await hear(port, leave=True)).first is not None:
                    outcome.left += 1
                    return
                await asyncio.sleep(0.02)

    await asyncio.gather(*(leave() for _ in range(number)))
    for _ in range(100):
        outcome.tasks_left = await _told(port, "/tasks") - before
        if outcome.tasks_left <= 0:
            break
        await asyncio.sleep(0.05)


async def _told(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return int(body)


def _p95(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds) or [0.0]
    return ordered[int(len(ordered) * 0.95)]


def measured(folder: Path, number: int, seconds: float, leaving: int) -> Outcome:
    """Serve a gateway and measure all three."""
    outcome = Outcome()

    async def run(port: int, process: psutil.Process) -> None:
        await streams(port, process, number, seconds, outcome)
        await overload(port, number, min(seconds, 30), outcome)
        await leavers(port, leaving, number, outcome)

    with _served(folder, number) as (port, process):
        asyncio.run(run(port, process))
    bounds = {
        "errors": (outcome.errors + outcome.overload_errors, 0),
        "added to the first word": (outcome.added_p95, ADDED),
        "growth of memory": (outcome.growth, GROWTH),
        "refusals": (outcome.refused_p95, REFUSED_WITHIN),
        "answers under overload": (outcome.slower, SLOWER),
        "recovery": (outcome.recovered, RECOVERED),
        "tasks left": (outcome.tasks_left, 0),
        "clients that heard nothing": (leaving - outcome.left, 0),
    }
    outcome.failed = [
        f"{name}: {found:.3g}, the bound is {bound:g}" for name, (found, bound) in bounds.items() if found > bound
    ]
    return outcome


@contextmanager
def _served(folder: Path, turns: int) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "stub.yaml").write_text(
        f"recipe: 1\ngenerator: {{use: steady, first: {FIRST}, pause: {PAUSE}}}\n", "utf-8"
    )
    command = [
        sys.executable,
        "-m",
        __spec__.name if __spec__ else __name__,
        "--serve",
        str(folder),
        str(port),
        str(turns),
    ]
    log = (folder / "log").open("w")
    with log, subprocess.Popen(command, stderr=log, env={**os.environ, "IMAGORA_TIMES": "off"}) as child:
        try:
            while not _answers(port):
                if child.poll() is not None:
                    raise RuntimeError((folder / "log").read_text("utf-8")[-2000:])
                time.sleep(0.1)
            yield port, psutil.Process(child.pid)
        finally:
            child.terminate()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def serve(folder: Path, port: int, turns: int) -> None:
    """Serve the stub; /tasks says how many tasks there are."""
    import uvicorn
    from imagora.catalog import Catalog
    from imagora_gateway.app import create_app
    from imagora_gateway.logs import configure
    from imagora_gateway.settings import Bounds, Settings

    from imagora_benchmarks import gateway_stub

    bounds = Bounds(concurrent=turns, waiting=0)
    settings = Settings(recipes=(str(folder / "stub.yaml"),), folder=folder / "gateway", bounds=bounds, page=False)
    configure()
    app = create_app(settings, Catalog.of(gateway_stub), alone=True)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/tasks":
            body = str(len(asyncio.all_tasks())).encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": _OK, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    uvicorn.run(counted, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--leavers", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    said = parser.parse_args(arguments)
    if said.serve:
        serve(Path(said.serve[0]), int(said.serve[1]), int(said.serve[2]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        outcome = measured(Path(folder), said.streams, said.seconds, said.leavers)
    if said.json:
        sys.stdout.write(json.dumps(asdict(outcome), indent=2) + "\n")
    else:
        table = Table(box=None)
        for name, value in asdict(outcome).items():
            table.add_row(name, str(value))
        Console().print(table)
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
