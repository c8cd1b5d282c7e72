"""How long somebody waits for the first answer on the page, from the start of `imagora serve` on.

    python -m imagora_benchmarks.first_answer [--runs 5] [--gallery imagora-demo] [--json]

The demo's gallery is made first where it is not there, which is not counted. Then, in each run, a gateway is started as
a process of its own; the page is loaded with its styles and scripts as soon as the gateway listens, and a question is
asked as the page's script asks it. Counted are the seconds from the process's start until the page is there, until the
first passages and the first word of the answer have come, and until the answer is whole. Exit code 1 where the slowest
first word came after 20 s.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

BOUND = 20.0
WORDS = "Is there a picture of money from ancient times?"
_PATIENCE = 180
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


@dataclass
class Waited:
    """Seconds since the process began; the answer's text besides."""

    page: float = 0.0
    passages: float = 0.0
    word: float = 0.0
    whole: float = 0.0
    answer: str = ""


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gallery", type=Path, default=None, help="a folder that imagora demo made")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        gallery = said.gallery or Path(made) / "imagora-demo"
        if not (gallery / "recipe.yaml").exists():
            command = [sys.executable, "-m", "imagora", "demo", "--into", str(gallery)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        waited = [first_answer(gallery / "recipe.yaml", Path(made)) for _ in range(said.runs)]
    slowest = max(one.word for one in waited)
    if said.json:
        print(json.dumps({"runs": [asdict(one) for one in waited], "slowest": slowest, "bound": BOUND}, indent=1))
    else:
        table = Table("from the start to", "median, s", "slowest, s", "bound, s", box=None)
        for name in ("page", "passages", "word", "whole"):
            times = [getattr(one, name) for one in waited]
            bound = f"≤ {BOUND:g}" if name == "word" else ""
            table.add_row(f"the {name}", f"{statistics.median(times):.2f}", f"{max(times):.2f}", bound)
        Console().print(table, waited[-1].answer, sep="\n", highlight=False)
    return int(slowest > BOUND)


def first_answer(recipe: Path, folder: Path) -> Waited:
    """Start a gateway, ask one question on its page, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with _serving(recipe, port, folder) as started, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        waited = Waited()
        front = _front(client, started)
        for asset in set(re.findall(r'"(/page/assets/[^"]+)"', front)):
            client.get(asset).raise_for_status()
        waited.page = time.perf_counter() - started
        token = _TOKEN.search(front)
        body = {"token": token[1] if token else "", "recipe": "gallery", "words": WORDS, "do": "ask"}
        headers = {"HX-Request": "true", "Accept": "text/event-stream"}
        with client.stream("POST", "/page/ask", data=body, headers=headers, timeout=_PATIENCE) as answer:
            for line in answer.iter_lines():
                _hear(waited, line, time.perf_counter() - started)
        if not waited.answer:
            raise RuntimeError("the page gave no answer")
        return waited


def _front(client: httpx.Client, started: float) -> str:
    while time.perf_counter() - started < _PATIENCE:
        with suppress(httpx.TransportError):
            return client.get("/").raise_for_status().text
        time.sleep(0.02)
    raise RuntimeError("the gateway does not listen")


def _hear(waited: Waited, line: str, now: float) -> None:
    if line.startswith("data: "):
        event = json.loads(line.removeprefix("data: "))
        if "passages" in event:
            waited.passages = waited.passages or now
        elif "word" in event:
            waited.word = waited.word or now
        elif "done" in event:
            waited.whole, waited.answer = now, event["text"]


@contextmanager
def _serving(recipe: Path, port: int, folder: Path) -> Iterator[float]:
    command = [sys.executable, "-m", "imagora", "serve", f"gallery={recipe}", "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--folder", str(folder / "gateway")],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
