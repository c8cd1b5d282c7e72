"""A request's trace through a gateway into a real Phoenix: one id in the header, the answer, the spans and the page."""

from __future__ import annotations

from pathlib import Path

import imagora_ingestion
import imagora_phoenix
import pytest
import toys
from fastapi.testclient import TestClient
from imagora.catalog import Catalog
from imagora_gateway.app import create_app
from imagora_gateway.settings import Settings
from toy_recipes import built, recipe_of, write

from .conftest import Browser, Phoenix

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_phoenix)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))


def test_one_id_is_in_the_request_the_answer_phoenix_and_its_page(
    phoenix: Phoenix, browser: Browser, tmp_path: Path
) -> None:
    traces = {"use": "phoenix", "url": phoenix.url, "project": "gateway", "timeout": 30}
    recipe = recipe_of(traces=traces, index={"use": "toy_memory", "path": "toys.json"})
    with built(tmp_path, recipe, CATALOG) as pipeline:
        pipeline.ingest()
    settings = Settings(recipes=(str(write(tmp_path, recipe)),), folder=tmp_path / "gateway")
    with TestClient(create_app(settings, CATALOG), base_url="http://127.0.0.1") as client:
        asked, headers = {"recipe": "toys", "words": "a red rose"}, {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        told = client.post("/v1/ask", json=asked, headers=headers).json()["trace"]
        own = client.post("/v1/ask", json=asked).json()["trace"]
    assert told == {"id": TRACE, "address": f"{phoenix.url}/redirects/traces/{TRACE}"}

    spans = phoenix.spans("gateway", 9)  # the gateway's own first search, and two answers
    of_the_request = {span["name"]: span for span in spans if span["context"]["trace_id"] == TRACE}
    assert {"answer", "retriever toy_retriever", "generator toy_quote"} <= set(of_the_request)
    assert of_the_request["answer"]["parent_id"] == SPAN
    (other,) = [span for span in spans if span["context"]["trace_id"] == own["id"] and span["name"] == "answer"]
    assert other["parent_id"] is None

    for address in (told["address"], own["address"]):
        (folder := tmp_path / address[-8:]).mkdir()
        dom, _ = browser.look(address, folder, "generator toy_quote")
        assert "generator toy_quote" in dom and "a red rose" in dom
