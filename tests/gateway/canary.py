"""A server on this machine that nobody may reach by way of the gateway: it counts who comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from toy_stages import square

RED = square("red")


@dataclass
class Canary:
    """hits: the first bytes of every connection. answers: what it says by path, a picture where nothing else is."""

    port: int = 0
    hits: list[bytes] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    def answer(self, said: bytes) -> bytes:
        path = said.split(b" ")[1].decode("latin1") if said.count(b" ") > 1 else "/"
        return self.answers.get(path) or answer(RED)


def answer(body: bytes, *headers: str, status: str = "200 OK", kind: str = "image/png") -> bytes:
    """Write an answer of HTTP."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def perched() -> Iterator[Canary]:
    """Listen at the same port of 127.0.0.1 and of ::1, where there is one, until the end of the block."""
    canary = Canary()
    four = socket.create_server(("127.0.0.1", 0))
    canary.port = four.getsockname()[1]
    listening = [four]
    with suppress(OSError):
        listening.append(socket.create_server(("::1", canary.port), family=socket.AF_INET6))

    def listen(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(2)
                said = b""
                while b"\r\n\r\n" not in said and (more := connection.recv(4096)):
                    said += more
                    if said[:1] == b"\x16":  # TLS, which it does not speak
                        break
                canary.hits.append(said[:200])
                connection.sendall(canary.answer(said))

    threads = [threading.Thread(target=listen, args=(server,), daemon=True) for server in listening]
    for thread in threads:
        thread.start()
    try:
        yield canary
    finally:
        for server in listening:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        for thread in threads:
            thread.join(3)
