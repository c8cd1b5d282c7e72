"""A real vLLM server on the CPU, started with the line that `imagora vllm-command` prints."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora_vllm.llm import VllmChat
from imagora_vllm.options import VllmOptions

from .environment import HERE, environment, smollm2, variables

KEY = "sesame-of-the-tests"
LONGEST_START = 300
IMAGES = 8


@dataclass
class Server:
    """A vLLM server: its recipe, the folder of its model, and the process while it runs."""

    programs: Path
    recipe: Path
    model: Path
    said: dict[str, Any]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return str(self.said["url"])

    def line(self) -> list[str]:
        command = [sys.executable, "-m", "imagora", "vllm-command", str(self.recipe), "--weights", str(self.model)]
        environ = {**os.environ, "VLLM_API_KEY": KEY}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return shlex.split(done.stdout.splitlines()[0])

    def start(self) -> None:
        program, *words = self.line()
        command = [str(self.programs / program), *words, "--enforce-eager"]
        environ = variables() | {"VLLM_API_KEY": KEY}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + LONGEST_START
        while not self.is_up():
            ended = self.process.poll() is not None
            assert not ended and time.monotonic() < until, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.5)

    def is_up(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200
        return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(30)
            self.process = None

    def metric(self, name: str, **labels: str) -> float:
        """Add up the values of a metric, of all its labels or of those with the given ones."""
        text = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).text
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.split()[-1]) for line in lines if all(label in line for label in wanted))

    def chat(self, **more: Any) -> VllmChat:
        return VllmChat(VllmOptions.model_validate({**self.said, "api_key": KEY, **more}))


def make_server(programs: Path, folder: Path, **said: Any) -> Server:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = {"url": f"http://127.0.0.1:{port}", **said}
    lines = [*(f"  {name}: {value}" for name, value in said.items()), "  server: {dtype: float32, sequences: 8}"]
    recipe = folder / "recipe.yaml"
    key = '  api_key: "${VLLM_API_KEY}"'
    recipe.write_text("\n".join(["recipe: 1", "generator:", "  use: vllm", key, *lines]) + "\n")
    return Server(programs, recipe, folder / "model", said, folder / "vllm.log")


def run(programs: Path, script: str, *words: str) -> None:
    command = [str(programs / "python"), str(HERE / script), *words]
    done = subprocess.run(command, env=variables(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of vLLM's programs."""
    told = os.environ.get("IMAGORA_VLLM_ENVIRONMENT")
    return environment(Path(told) if told else tmp_path_factory.mktemp("vllm")) / "bin"


@pytest.fixture(scope="module")
def server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the tiny model that sees."""
    folder = tmp_path_factory.mktemp("tiny")
    run(programs, "tiny_model.py", str(folder / "model"))
    made = make_server(programs, folder, model="tiny-vlm", images=IMAGES, context=16384)
    made.start()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def words(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve SmolLM2, which writes real words and sees nothing."""
    folder = tmp_path_factory.mktemp("smollm2")
    run(programs, "smollm2_model.py", str(smollm2(folder / "package")), str(folder / "model"))
    made = make_server(programs, folder, model="SmolLM2-135M-Instruct", context=2048)
    made.start()
    try:
        yield made
    finally:
        made.end()
