"""A server on 127.0.0.1 that speaks the part of Pinecone's REST API (2025-10) that is used, and keeps what it gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

KEY = "pinecone-sesame"


@dataclass
class Service:
    """Indexes by name, each with its vectors; calls: what was asked, in its order."""

    url: str = ""
    indexes: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def control(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        name = path.removeprefix("/indexes").strip("/")
        if method == "POST":
            ready = {"host": f"{self.url}/of/{body['name']}", "status": {"ready": True, "state": "Ready"}}
            self.indexes[body["name"]] = {**body, **ready}
            self.vectors[body["name"]] = {}
            return 201, self.indexes[body["name"]]
        if name in self.indexes:
            return 200, self.indexes[name]
        return 404, {"error": {"code": "NOT_FOUND", "message": f"Resource {name} not found"}, "status": 404}

    def data(self, name: str, path: str, body: Any) -> Any:
        kept = self.vectors[name]
        match path:
            case "/vectors/upsert":
                kept.update({vector["id"]: vector for vector in body["vectors"]})
                return {"upsertedCount": len(body["vectors"])}
            case "/vectors/delete":
                for id_ in list(kept) if body.get("deleteAll") else body["ids"]:
                    kept.pop(id_, None)
                return {}
            case "/describe_index_stats":
                size = self.indexes[name]["dimension"]
                return {"namespaces": {}, "dimension": size, "indexFullness": 0, "totalVectorCount": len(kept)}
            case "/query":
                scores = {id_: float(np.dot(v["values"], body["vector"])) for id_, v in kept.items()}
                best = sorted(scores.items(), key=lambda pair: -pair[1])[: body["topK"]]
                return {"matches": [{"id": id_, "score": s, "values": []} for id_, s in best], "namespace": ""}
        raise AssertionError(path)


@contextmanager
def pinecone_service() -> Iterator[Service]:
    service = Service()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            service.calls.append((self.command, self.path, body))
            if self.headers.get("Api-Key") != KEY:
                self.say(401, {"error": {"code": "UNAUTHENTICATED", "message": "Invalid API Key"}, "status": 401})
            elif self.path.startswith("/of/"):
                name, _, path = self.path.removeprefix("/of/").partition("/")
                self.say(200, service.data(name, f"/{path}", body))
            else:
                self.say(*service.control(self.command, self.path, body))

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the server looks for these names

        def say(self, status: int, said: Any) -> None:
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
