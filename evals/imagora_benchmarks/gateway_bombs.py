"""Hostile pictures at every door of a gateway that is really served, beside good queries.

    python -m imagora_benchmarks.gateway_bombs [--bombs 100] [--at-once 4] [--json]

`imagora serve starter` is started as people start it, over some drawn pictures. A hundred pictures go to each of its
doors that take one: bombs of pixels, memory and time, headers that lie, files that are cut off, other kinds of files,
addresses that are no pictures. Meanwhile good queries are asked, one after the other.

Bounds: every request is answered, with 2xx or with 4xx and a sentence, or for a moment with 503 and Retry-After; no
other 5xx; all good queries are answered; the gateway's own process grows by at most 500 MB, and its decoders take at
most 400 MB each. Exit code 1 beyond a bound.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psutil  # type: ignore[import-untyped]  # its types are a package of their own

from .hostile_addresses import ADDRESSES
from .hostile_pictures import encoded, pictures, scene

GROWTH, DECODER = 500.0, 400.0
"""Megabytes that the gateway may grow by, and that each of its decoders may take."""
_BUSY, _WRONG, _FAILED = 503, 400, 500
_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
Answer: TypeAlias = tuple[int, str, bool]
"""A status, the sentence of an error, and whether it says when to come again."""


@dataclass(frozen=True)
class Bomb:
    """A hostile picture: as bytes, or as what stands in the place of its address."""

    name: str
    body: bytes | None = None
    address: str = ""

    @property
    def said(self) -> str:
        """Give it as an address."""
        if self.body is None:
            return self.address
        return "data:image/png;base64," + base64.b64encode(self.body).decode()


@dataclass
class Outcome:
    """What was measured: megabytes, seconds, counts. decoder: the largest one. failed: what is beyond its bound."""

    bombs: int = 0
    requests: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    good: int = 0
    good_failed: int = 0
    good_p95: float = 0.0
    before: float = 0.0
    gateway: float = 0.0
    decoder: float = 0.0
    decoders: float = 0.0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)


def bombs(number: int) -> Iterator[Bomb]:
    """Give so many of all, spread over every kind; each is made when it is its turn."""
    made = [(f"{one.kind}: {one.name}", one.make) for one in pictures() if one.kind != "odd but sound"]
    made += [(f"many frames: {name}", make) for name, make in _FRAMES.items()]
    all_: list[Callable[[], Bomb]] = [lambda n=name, m=make: Bomb(n, m()) for name, make in made]  # type: ignore[misc]  # mypy drops defaults in lambdas
    all_ += [lambda n=name, a=said: Bomb(f"no address: {n}", None, a) for name, said in ADDRESSES.items()]  # type: ignore[misc]  # as above
    for place in range(number):
        yield all_[place * len(all_) // number % len(all_)]()


def _frames(form: str, number: int, side: int, **options: Any) -> bytes:
    first = scene("RGB", (side, side))
    others = (first.rotate(turn) for turn in range(1, number))  # equal ones would be written once
    return encoded(first, form, save_all=True, append_images=others, **options)


_FRAMES: Mapping[str, Callable[[], bytes]] = {
    "gif": lambda: _frames("GIF", 3_000, 64),
    "webp": lambda: _frames("WEBP", 400, 128),
    "tiff": lambda: _frames("TIFF", 2_000, 32),
    "apng": lambda: _frames("PNG", 1_000, 64),
    "large gif": lambda: _frames("GIF", 20, 2_000),
}


def doors(recipe: str) -> Mapping[str, Callable[[httpx.Client, Bomb], httpx.Response]]:
    """Give how each door is handed a picture."""
    asked = {"recipe": recipe, "words": "a horse", "top_k": 3}

    def chat(client: httpx.Client, bomb: Bomb) -> httpx.Response:
        content = [{"type": "text", "text": "a horse"}, {"type": "image_url", "image_url": {"url": bomb.said}}]
        said = {"model": recipe, "messages": [{"role": "user", "content": content}]}
        return client.post("/v1/chat/completions", json=said)

    def item(client: httpx.Client, bomb: Bomb) -> httpx.Response:
        said = {"recipe": recipe, "uri": "bomb", "picture": bomb.said}
        return client.post("/v1/items", json=said)

    def form(client: httpx.Client, bomb: Bomb) -> httpx.Response:
        body = bomb.address.encode() if bomb.body is None else bomb.body
        return client.post("/v1/items", data={"recipe": recipe, "uri": "bomb"}, files={"picture": ("a.png", body)})

    def tool(name: str) -> Callable[[httpx.Client, Bomb], httpx.Response]:
        def call(client: httpx.Client, bomb: Bomb) -> httpx.Response:
            arguments = {"words": "a horse", "picture": bomb.said, "recipe": recipe}
            said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            return client.post("/mcp", json=said, headers=_MCP)

        return call

    return {
        "search": lambda client, bomb: client.post("/v1/search", json={**asked, "pictures": [bomb.said]}),
        "unlike": lambda client, bomb: client.post("/v1/search", json={**asked, "unlike_pictures": [bomb.said]}),
        "ask": lambda client, bomb: client.post("/v1/ask", json={**asked, "pictures": [bomb.said]}),
        **{"chat": chat, "item": item, "form": form, "mcp search": tool("search"), "mcp ask": tool("ask")},
    }


def answer_of(response: httpx.Response) -> Answer:
    """Read what was answered; a tool's error over MCP counts as 400."""
    again = "retry-after" in response.headers
    try:
        said: Any = response.json()
    except ValueError:
        return response.status_code, response.text[:200], again
    result = said.get("result") or {}
    if result.get("isError"):
        return _WRONG, str(result["content"][0]["text"]), again
    error = said.get("error") or {}
    return response.status_code, str(error.get("message") or said.get("detail") or ""), again


def is_right(answer: Answer) -> bool:
    """Say whether an answer is one that a caller can do something with."""
    status, sentence, again = answer
    if status < _WRONG:
        return status > 0
    return len(sentence.split()) > 2 and (status < _FAILED or (status == _BUSY and again))  # noqa: PLR2004 - a sentence


class Watch:
    """Looks at the memory of a process and of those that it started, twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._process, self._end = psutil.Process(pid), threading.Event()
        self.before = self.gateway = self._megabytes(self._process)
        self.decoder = self.decoders = 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.05):
            self.gateway = max(self.gateway, self._megabytes(self._process))
            with suppress(psutil.Error):
                children = [one for one in self._process.children(recursive=True) if _decodes(one)]
                each = [self._megabytes(child) for child in children]
                self.decoder = max(self.decoder, *each, 0.0)
                self.decoders = max(self.decoders, sum(each))

    @staticmethod
    def _megabytes(process: psutil.Process) -> float:
        with suppress(psutil.Error):
            return float(process.memory_info().rss) / 1e6
        return 0.0


def _decodes(process: psutil.Process) -> bool:
    # A process that was just begun is its parent still, with all the parent's memory, until its program runs.
    with suppress(psutil.Error):
        return any("imagora_decoder" in word for word in process.cmdline())
    return False


def measured(url: str, pid: int, recipe: str, thrown: Sequence[Bomb] | Iterator[Bomb], at_once: int) -> Outcome:
    """Throw pictures at every door of a gateway, and ask good queries meanwhile."""
    outcome, begun, over = Outcome(), time.monotonic(), threading.Event()
    answers: Counter[str] = Counter()
    seconds: list[float] = []

    def throw(door: str, bomb: Bomb) -> None:
        try:
            with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
                answer = answer_of(doors(recipe)[door](client, bomb))
        except httpx.HTTPError as error:
            answer = (0, type(error).__name__, False)
        answers[str(answer[0])] += 1
        if not is_right(answer):
            outcome.wrong.append(f"{bomb.name} at {door}: {answer[0]} {answer[1][:200]}")

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            while not over.is_set():
                started = time.monotonic()
                done = client.post("/v1/ask", json={"recipe": recipe, "words": "a horse"})
                seconds.append(time.monotonic() - started)
                outcome.good_failed += done.status_code >= _WRONG
                over.wait(0.1)

    asking = threading.Thread(target=ask)
    with Watch(pid) as watch, ThreadPoolExecutor(at_once) as throwers:
        asking.start()
        for bomb in thrown:
            outcome.bombs += 1
            list(throwers.map(throw, doors(recipe), [bomb] * len(doors(recipe))))
        over.set()
        asking.join()
    outcome.before, outcome.gateway = watch.before, watch.gateway
    outcome.decoder, outcome.decoders = watch.decoder, watch.decoders
    outcome.requests, outcome.statuses = sum(answers.values()), dict(sorted(answers.items()))
    outcome.good, outcome.good_p95 = len(seconds), sorted(seconds)[int(len(seconds) * 0.95)]
    outcome.seconds = time.monotonic() - begun
    beyond = {
        "answers that were none": (len(outcome.wrong), 0),
        "good queries that failed": (outcome.good_failed, 0),
        "growth of the gateway in MB": (outcome.gateway - outcome.before, GROWTH),
        "memory of a decoder in MB": (outcome.decoder, DECODER),
    }
    outcome.failed = [
        f"{name}: {found:.0f}, the bound is {bound:g}" for name, (found, bound) in beyond.items() if found > bound
    ]
    return outcome


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, int]]:
    (folder / "photos").mkdir()
    for number, mode in enumerate(("RGB", "L", "CMYK")):
        (folder / "photos" / f"{number}.jpg").write_bytes(encoded(scene(mode, (300, 200)), "JPEG"))
        (folder / "photos" / f"{number}.txt").write_text(f"A horse on picture {number}.", "utf-8")
    (folder / "bombed.yaml").write_text(
        "recipe: 1\nextends: starter\nsource: {path: ./photos}\nindex: {path: ./index}\n", "utf-8"
    )
    program, environ = [sys.executable, "-m", "imagora"], {**os.environ, "IMAGORA_TIMES": "off"}
    subprocess.run([*program, "ingest", "bombed.yaml"], cwd=folder, env=environ, check=True, capture_output=True)
    with (folder / "log").open("w") as log:
        command = [*program, "serve", "bombed.yaml", "--port", "0"]
        with subprocess.Popen(command, cwd=folder, env=environ, stderr=log) as process:
            try:
                yield _address(folder / "log", process), process.pid
            finally:
                process.terminate()


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(1_200):
        text = log.read_text("utf-8")
        if process.poll() is not None:
            raise RuntimeError(text[-2000:])
        if "http://127.0.0.1:" in text:
            port = text.partition("http://127.0.0.1:")[2].partition(" ")[0].strip('",\\')
            return f"http://127.0.0.1:{int(port)}"
        time.sleep(0.1)
    raise RuntimeError("the gateway did not start within two minutes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bombs", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as (url, pid):
        outcome = measured(url, pid, "bombed", bombs(said.bombs), said.at_once)
    sys.stdout.write(json.dumps(asdict(outcome), indent=None if said.json else 1) + "\n")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
