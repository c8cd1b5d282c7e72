"""Tables and a picture server for the tests of `table`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora import Item, Unreadable
from imagora_table.options import TableOptions
from imagora_table.source import TableSource
from PIL import Image


def picture(colour: str = "red") -> bytes:
    Image.new("RGB", (16, 16), colour).save(out := BytesIO(), "PNG")
    return out.getvalue()


def read(path: Path, content: str | bytes | None = None, **options: Any) -> list[Item | Unreadable]:
    """Write a table if its content is given, and give its items."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(TableSource(TableOptions.model_validate({"path": path, **options})).items())


Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each path by a function; `asked` has the requests' methods and paths."""

    daemon_threads = True

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.answers, self.asked, self.headers = answers, list[str](), list[dict[str, str]]()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


class _Asked(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked.append(f"{self.command} {self.path}")
        server.headers.append(dict(self.headers))
        server.answers[self.path.partition("?")[0]](self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


def says(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            asked.send_header(name.replace("_", "-"), value)
        asked.end_headers()
        if asked.command == "GET":
            asked.wfile.write(body)

    return answer


@contextmanager
def serving(**answers: Answer) -> Iterator[Server]:
    with Server({f"/{name}": answer for name, answer in answers.items()}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
