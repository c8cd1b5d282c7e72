"""A Phoenix server of the tests' own, on 127.0.0.1 and in a temporary folder; and a browser that looks at its pages."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from chromium import ALONE, chromium

from .environment import environment, variables

LONGEST_START = 240


@dataclass
class Phoenix:
    """A server: its address, and the process while it runs."""

    programs: Path
    folder: Path
    ports: tuple[int, int]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        told = {"HOST": "127.0.0.1", "PORT": self.ports[0], "GRPC_PORT": self.ports[1], "WORKING_DIR": self.folder}
        environ = variables() | {f"PHOENIX_{name}": str(value) for name, value in told.items()}
        command = [str(self.programs / "phoenix"), "serve"]
        log = self.folder / "phoenix.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, env=environ, stdout=file, stderr=file, start_new_session=True)
        until = time.monotonic() + LONGEST_START
        while not self.is_up():
            ended = self.process.poll() is not None
            assert not ended and time.monotonic() < until, log.read_text(errors="replace")[-3000:]
            time.sleep(0.5)

    def is_up(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        return False

    def end(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(20)
            self.process = None

    def project(self, name: str) -> str:
        """Give the id that a project has in the addresses of pages."""
        said = httpx.get(f"{self.url}/v1/projects/{name}", timeout=30, trust_env=False).json()
        return str(said["data"]["id"])

    def spans(self, project: str, wanted: int) -> list[dict[str, Any]]:
        """Read a project's spans back through Phoenix's API; it writes them down a moment after they arrive."""
        found: list[dict[str, Any]] = []
        for _ in range(120):
            where = f"{self.url}/v1/projects/{project}/spans"
            said = httpx.get(where, params={"limit": 1000}, timeout=30, trust_env=False)
            found = said.json()["data"] if said.status_code == 200 else []
            if len(found) >= wanted:
                return sorted(found, key=lambda span: str(span["start_time"]))
            time.sleep(0.5)
        raise AssertionError(f"{len(found)} of {wanted} spans are there after a minute")


@dataclass(frozen=True)
class Browser:
    """Chromium without a window."""

    program: str

    def look(self, page: str, folder: Path, wanted: str) -> tuple[str, Path]:
        """Load a page and give its DOM, with all that scripts put in, and a picture of it."""
        picture = folder / "page.png"
        for seconds in (8, 20, 40):  # of the page's own clock; a busy machine loads its parts late
            profile = f"--user-data-dir={folder / f'profile-{seconds}'}"
            budget = [f"--virtual-time-budget={seconds}000", f"--screenshot={picture}", "--dump-dom"]
            command = [self.program, *ALONE, "--window-size=1700,1300", profile, *budget, page]
            done = subprocess.run(command, capture_output=True, text=True, timeout=180)
            assert done.returncode == 0, done.stderr[-2000:]
            if wanted in done.stdout:
                break
        return done.stdout, picture


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    """Serve Phoenix."""
    told = os.environ.get("IMAGORA_PHOENIX_ENVIRONMENT")
    programs = environment(Path(told) if told else tmp_path_factory.mktemp("phoenix")) / "bin"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = (one.getsockname()[1], other.getsockname()[1])
    made = Phoenix(programs, tmp_path_factory.mktemp("served"), ports)
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Give Chromium."""
    return Browser(chromium())
