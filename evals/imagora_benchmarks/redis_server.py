"""A Redis server from Debian's package, on a port of its own, and a proxy in front of it that can make it slow."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = shutil.which("redis-server")


def free_port() -> int:
    """Give a port of this machine that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Server:
    """One server on a port of its own; it can be stopped and started again."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.port, self._folder, self._more = free_port(), folder, more
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [PROGRAM or "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self._process = subprocess.Popen([*command, str(self._folder), *self._more], stdout=subprocess.DEVNULL)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                sock.sendall(b"PING\r\n")
                if sock.recv(64):
                    return
            time.sleep(0.05)
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        """Stop it; what it holds is lost."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@contextmanager
def running(folder: Path, *more: str) -> Iterator[Server]:
    """Give a server that ends with the block; more: further options of redis-server."""
    server = Server(folder, *more)
    try:
        yield server
    finally:
        server.stop()


class Proxy:
    """Passes bytes on to a server, each piece after `delay` seconds; `garbage` is sent in place of what it answers."""

    def __init__(self, port: int) -> None:
        self._port, self.delay, self.garbage = port, 0.0, b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port), 5)
                threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, back: bool) -> None:
        with suppress(OSError), source, target:
            while data := source.recv(65_536):
                if back:
                    time.sleep(self.delay)
                target.sendall(self.garbage if back and self.garbage else data)
