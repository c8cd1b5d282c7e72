"""An S3 and SQS server in this process, with what it was asked for written down, and recipes of toys over it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagora_ingestion
import imagora_s3
import pytest
import toys
from imagora import IngestReport, Pipeline
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora_recipe.check import check
from toy_recipes import recipe_of, write

boto3 = pytest.importorskip("boto3", reason="needs the test group: moto[server]")
pytest.importorskip("s3fs", reason="needs the extra: pip install 'imagora[s3]'")

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_s3)
KEYS = {"key": "tester", "secret": "not a secret", "region": "us-east-1"}


class Server(logging.Handler):
    """The server's address, clients of it, and the objects that were downloaded since the last look."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self._got = url, list[str]()
        said = {"aws_access_key_id": "setup", "aws_secret_access_key": "setup", "region_name": "us-east-1"}
        self.s3 = boto3.client("s3", endpoint_url=url, **said)
        self.sqs = boto3.client("sqs", endpoint_url=url, **said)

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"GET /([^ ?]+/[^ ?]+)(?:\?x-id=GetObject)? HTTP", record.getMessage())
        if found:
            self._got.append(found[1])

    def downloads(self) -> list[str]:
        got, self._got = self._got, []
        return sorted(got)

    def put(self, **objects: bytes | str) -> None:
        """Write objects into the bucket `shop`; "__" in a name is a slash, and "_dot_" a dot."""
        for name, body in objects.items():
            key = name.replace("__", "/").replace("_dot_", ".")
            self.s3.put_object(Bucket="shop", Key=key, Body=body)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.s3.delete_object(Bucket="shop", Key=key)

    def options(self, **more: Any) -> dict[str, Any]:
        return {"url": "s3://shop/photos", "endpoint_url": self.url, **KEYS, "attempts": 2, **more}


@contextmanager
def serving() -> Iterator[Server]:
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=True)
    moto.start()
    host, port = moto.get_host_and_port()
    server, log = Server(f"http://{host}:{port}"), logging.getLogger("werkzeug")
    before = log.level, log.propagate
    log.addHandler(server)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield server
    finally:
        log.removeHandler(server)
        log.setLevel(before[0])
        log.propagate = before[1]
        moto.stop()


def no_real_credentials(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Hide whatever credentials this machine has."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, str(folder / "none"))


def pipeline_of(folder: Path, source: Mapping[str, Any]) -> Pipeline:
    recipe = recipe_of(source=dict(source), index={"use": "toy_memory", "path": "index.json"})
    plan = check(write(folder, recipe), CATALOG)
    return Pipeline(plan, assemble(plan))


def ingest(folder: Path, source: Mapping[str, Any]) -> IngestReport:
    with pipeline_of(folder, source) as pipeline:
        return pipeline.ingest()
