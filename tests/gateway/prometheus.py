"""Debian's promtool and Prometheus, where they are there: they read what we write as whoever runs a gateway would."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest


def program(name: str) -> str:
    """Give a program of the package `prometheus`; skip where it is not there."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here; on Debian: apt-get install prometheus")
    return found


def promtool(*arguments: str, folder: Path) -> None:
    """Run promtool; what it finds wrong fails the test."""
    done = subprocess.run([program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def scraping(folder: Path, url: str, rules: str, job: str = "imagora") -> Iterator[httpx.Client]:
    """Let a Prometheus read a gateway twice a second, with these rules; give what asks it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "rules.yaml").write_text(rules, "utf-8")
    target = url.removeprefix("http://")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
        "rule_files: [rules.yaml]\n"
        f"scrape_configs: [{{job_name: {job}, static_configs: [{{targets: ['{target}']}}]}}]\n",
        "utf-8",
    )
    command = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, cwd=folder, stderr=log) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10, trust_env=False) as client:
                _wait(client, process, folder)
                yield client
        finally:
            process.terminate()


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < end, (folder / "prometheus.log").read_text()[-2000:]
        with suppress(httpx.HTTPError, ValueError):  # it says no JSON until it has begun
            if len(found(client, "count_over_time(imagora_recipe_ready[1m]) > 3")):
                return
        time.sleep(0.2)


def found(client: httpx.Client, expression: str) -> list[Any]:
    """Ask Prometheus for what an expression gives now."""
    said = client.get("/query", params={"query": expression}).json()
    assert said["status"] == "success", said
    result: list[Any] = said["data"]["result"]
    return result
