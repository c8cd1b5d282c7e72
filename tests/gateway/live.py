"""A gateway that is really served: uvicorn at a free port of this machine, with recipes of toys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from imagora.catalog import Catalog
from imagora_gateway.app import create_app
from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.settings import Settings
from starlette.requests import HTTPConnection
from toy_recipes import CATALOG, built, recipe_of, write


@dataclass
class Live:
    """A served app, and how it is reached."""

    app: FastAPI
    server: uvicorn.Server
    url: str
    folder: Path

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, **options)


def ingested(folder: Path, name: str = "toys", catalog: Catalog = CATALOG, **sections: Any) -> Path:
    """Write a recipe of toys whose index is a file, and ingest its items."""
    sections = {"index": {"use": "toy_memory", "path": f"{name}.json"}, **sections}
    ledger = {"path": f"{name}.sqlite"}
    with built(folder, recipe_of(ledger=ledger, **sections), catalog) as pipeline:
        pipeline.ingest()
    return write(folder, recipe_of(ledger=ledger, **sections), f"{name}.yaml")


@contextmanager
def served(folder: Path, *recipes: str | Path, catalog: Catalog = CATALOG, **settings: Any) -> Iterator[Live]:
    """Serve recipes until the end of the block."""
    whole = Settings(recipes=tuple(map(str, recipes)), port=0, folder=folder / "gateway", **settings)
    app = create_app(whole, catalog)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Live(app, server, f"http://127.0.0.1:{port}", folder)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


class ByHeader:
    """A doorkeeper that takes the word of a header: `X-Caller: NAME` is a caller that the test made."""

    knows_callers = True

    def __init__(self, *callers: Caller) -> None:
        self.callers = {caller.id: caller for caller in callers}

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        caller = self.callers.get(connection.headers.get("x-caller", ""))
        if caller is None:
            raise Refusal(401, "say who you are")
        return caller


def editor(name: str, tenant: str = "", *groups: str) -> Caller:
    return Caller(name, tenant, groups, frozenset({"viewer", "editor"}))
