"""A collector on a real socket of 127.0.0.1: keeps the bytes that it gets, and can refuse them or never answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Got:
    """A span as it came over the wire."""

    name: str
    id: str
    parent: str
    trace: str
    status: int
    message: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: int

    @property
    def metadata(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.attributes.get("metadata", "{}"))
        return told


@dataclass
class Receiver:
    url: str = ""
    status: int = 200
    answers: threading.Event = field(default_factory=threading.Event)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> list[Got]:
        """Give all spans that came, in the order of their beginning."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return [_got(span) for span in sorted(found, key=lambda span: int(span.start_time_unix_nano))]

    def resources(self) -> list[dict[str, Any]]:
        """Give the attributes of what sent the spans."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [_plain(one.resource.attributes) for request in requests for one in request.resource_spans]

    def named(self, start: str) -> list[Got]:
        return [span for span in self.spans() if span.name.startswith(start)]


def _got(span: Any) -> Got:
    return Got(
        span.name,
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_id.hex(),
        span.status.code,
        span.status.message,
        _plain(span.attributes),
        [(event.name, _plain(event.attributes)) for event in span.events],
        len(span.links),
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def _answering(receiver: Receiver) -> Callable[..., BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.asked.set()
            receiver.answers.wait(60)
            if receiver.status == 200:
                receiver.bodies.append(body)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            receiver.paths.append(self.path)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Answering


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive until the end of the block."""
    made = Receiver()
    made.answers.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(made))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.answers.set()
        server.shutdown()
        server.server_close()
