"""`imagora doctor` and a Redis server: a real one from Debian's package, started here, and what else may answer."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from imagora.health import Unhealthy
from imagora_doctor.redis import URL, checks

PASSWORD = "open-sesame-7c1d"
PROGRAM = shutil.which("redis-server")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., int]]:
    if PROGRAM is None:
        pytest.skip("Debian's package redis-server is not installed")
    running = []

    def started(*more: str) -> int:
        port, folder = free_port(), tmp_path_factory.mktemp("redis")
        command = [str(PROGRAM), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *more]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return port
            time.sleep(0.05)
        raise AssertionError("redis-server does not start")

    yield started
    for process in running:
        process.terminate()
        process.wait(10)


def said(monkeypatch: pytest.MonkeyPatch, url: str) -> list[str]:
    monkeypatch.setenv(URL, url)
    return [check.run() for check in checks()]


def test_a_server_is_told_with_its_version(start: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = start()
    server, access = said(monkeypatch, f"redis://127.0.0.1:{port}/0")
    assert server.startswith("Redis ") and server.endswith(f"at '127.0.0.1:{port}'") and server.split()[1][0].isdigit()
    assert access == "on this machine alone"


def test_a_password_is_needed_and_never_told(start: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = start("--requirepass", PASSWORD)
    assert said(monkeypatch, f"redis://:{PASSWORD}@127.0.0.1:{port}")[0].startswith("Redis ")
    for url in (f"redis://127.0.0.1:{port}", f"redis://:wrong{PASSWORD}@127.0.0.1:{port}"):
        with pytest.raises(Unhealthy, match="refuses: (NOAUTH|WRONGPASS)") as refused:
            said(monkeypatch, url)
        assert PASSWORD not in str(refused.value) + refused.value.fix and URL in refused.value.fix


def test_where_nobody_answers_and_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    assert list(checks()) == []
    with pytest.raises(Unhealthy, match="no Redis answers at '127.0.0.1:.*refused"):
        said(monkeypatch, f"redis://127.0.0.1:{free_port()}")


def test_a_server_that_others_reach_needs_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(URL, "redis://192.0.2.7:6379")
    _, access = checks()
    with pytest.raises(Unhealthy, match="can be used by whoever reaches it"):
        access.run()
    monkeypatch.setenv(URL, "redis://:secret@192.0.2.7:6379")
    _, access = checks()
    assert access.run() == "asks for a password"
