"""A server on 127.0.0.1 that speaks the part of Weaviate's REST and gRPC APIs that is used, and keeps what it gets."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from weaviate.proto.v1 import (
    aggregate_pb2,
    batch_delete_pb2,
    batch_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)


def numbers(packed: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


@dataclass
class Weaviate:
    """Collections by name, each with its vectors by UUID; refuse: what is answered to the first object of a batch."""

    port: int = 0
    grpc_port: int = 0
    schema: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    objects: list[Any] = field(default_factory=list)
    refuse: str = ""

    def rest(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        name = path.removeprefix("/v1/schema").strip("/")
        if path == "/v1/meta":
            return 200, {"version": "1.30.0", "hostname": "http://[::]:8080", "modules": {}}
        if not path.startswith("/v1/schema"):
            return 404, {}
        if method == "POST":
            self.schema[body["class"]], self.vectors[body["class"]] = body, {}
            return 200, body
        if method == "DELETE":
            self.schema.pop(name, None), self.vectors.pop(name, None)
            return 200, {}
        if name:
            return (200, self.schema[name]) if name in self.schema else (404, {})
        return 200, {"classes": list(self.schema.values())}

    # What gRPC calls.

    def BatchObjects(self, request: Any, _: Any) -> Any:  # noqa: N802 - so the API has it
        self.objects += request.objects
        refused = [{"index": 0, "error": self.refuse}] if self.refuse else []
        for each in request.objects[len(refused) :]:
            packed = each.vectors[0].vector_bytes if each.vectors else each.vector_bytes
            self.vectors[each.collection][each.uuid] = numbers(packed)
        return batch_pb2.BatchObjectsReply(errors=refused)

    def BatchDelete(self, request: Any, _: Any) -> Any:  # noqa: N802 - so the API has it
        assert request.filters.target.property == "_id", request
        kept, ids = self.vectors[request.collection], list(request.filters.value_text_array.values)
        gone = [kept.pop(id_) for id_ in ids if id_ in kept]
        return batch_delete_pb2.BatchDeleteReply(matches=len(gone), successful=len(gone))

    def Aggregate(self, request: Any, _: Any) -> Any:  # noqa: N802 - so the API has it
        count = len(self.vectors[request.collection])
        return aggregate_pb2.AggregateReply(single_result={"objects_count": count})

    def Search(self, request: Any, _: Any) -> Any:  # noqa: N802 - so the API has it
        near = request.near_vector
        asked = numbers(near.vectors[0].vector_bytes if near.vectors else near.vector_bytes)
        kept = self.vectors[request.collection]
        products = {id_: sum(a * b for a, b in zip(asked, v, strict=True)) for id_, v in kept.items()}
        best = sorted(products, key=lambda id_: -products[id_])[: request.limit]
        return search_get_pb2.SearchReply(results=[{"metadata": {"id": id_}} for id_ in best])

    def TenantsGet(self, request: Any, context: Any) -> Any:  # noqa: N802 - so the API has it
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "no tenants here")


@contextmanager
def weaviate_service() -> Iterator[Weaviate]:
    service = Weaviate()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            status, said = service.rest(self.command, self.path.partition("?")[0], body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the server looks for these names

        def log_message(self, *_: Any) -> None: ...

    rest = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    rest.daemon_threads = True
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    calls = grpc.server(ThreadPoolExecutor(4))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(service, calls)
    alive = health.HealthServicer()
    alive.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(alive, calls)
    service.grpc_port = calls.add_insecure_port("127.0.0.1:0")
    service.port = rest.server_port
    calls.start()
    try:
        yield service
    finally:
        calls.stop(None)
        rest.shutdown()
        rest.server_close()
