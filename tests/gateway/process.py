"""`imagora serve` as people start it: a process of its own, with its log."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from toy_distributions import environment_with, install_toys


@dataclass
class Serving:
    """A running gateway; lines: what it logged, as it is read."""

    process: subprocess.Popen[str]
    lines: list[Any] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    url: str = ""

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, **options)

    def events(self, name: str) -> list[Any]:
        return [line for line in self.lines if line.get("event") == name]

    def stop(self, sign: int = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(60)


@contextmanager
def serving(folder: Path, *arguments: str, site: Path | None = None) -> Iterator[Serving]:
    """Start `imagora serve` at a free port and give it once it answers."""
    if site is None:
        install_toys(site := folder / "site")
    command = [sys.executable, "-m", "imagora", "serve", *arguments, "--port", "0", "--folder", str(folder / "gateway")]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment_with(site), start_new_session=True
    )
    running = Serving(process)
    reader = threading.Thread(target=_read, args=(running,), daemon=True)
    reader.start()
    try:
        end = time.monotonic() + 90
        while not running.url:
            assert process.poll() is None and time.monotonic() < end, "\n".join(running.raw)
            time.sleep(0.02)
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        reader.join(10)


def _read(running: Serving) -> None:
    assert running.process.stderr is not None
    for line in running.process.stderr:
        running.raw.append(line.rstrip("\n"))
        if line.startswith("{"):
            running.lines.append(json.loads(line))
            if found := re.search(r"http://127\.0\.0\.1:\d+", str(running.lines[-1].get("event", ""))):
                running.url = found[0]
