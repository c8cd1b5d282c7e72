"""What a gateway tells those who run it: metrics with bounded labels, logs without content, and OpenAPI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora import Query
from imagora.answer import StageRecord
from imagora_gateway.metrics import MOST_VALUES, Metrics, cache_level
from prometheus_client.parser import text_string_to_metric_families

from .live import ingested, served
from .process import serving


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def labels(text: str, name: str) -> list[dict[str, str]]:
    return [dict(pairs) for found, pairs in values(text) if found == name]


def test_queries_are_counted_by_recipe_modality_outcome_stage_and_leg(tmp_path: Path) -> None:
    chat = {"model": "toys", "messages": [{"role": "user", "content": "a red rose in a vase"}], "stream": True}
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        client.post("/v1/ask", json={"recipe": "toys", "words": "a red rose in a vase"})
        client.post("/v1/chat/completions", json=chat)
        client.post("/v1/search", json={"recipe": "toys", "words": "rose", "weights": {"nonsense": -1}})
        text = client.get("/metrics").text
    found = values(text)
    asked = (("modality", "words"), ("outcome", "ok"), ("recipe", "toys"))
    assert found["imagora_queries_total", asked] == 2
    assert found["imagora_first_word_seconds_count", (("recipe", "toys"),)] == 1
    assert found["imagora_recipe_ready", (("recipe", "toys"),)] == 1
    assert {one["leg"] for one in labels(text, "imagora_leg_passages_total")} == {"image", "sparse"}
    stages = {one["stage"] for one in labels(text, "imagora_stage_seconds_count")}
    assert {"router", "retriever", "generator"} <= stages
    assert found["imagora_cache_total", (("level", "none"), ("recipe", "toys"))] == 2


def test_no_label_grows_with_what_is_asked_for(client: httpx.Client) -> None:
    for number in range(5):
        client.get(f"/nowhere/{number}")
        client.get(f"/v1/models/unknown-{number}")
    text = client.get("/metrics").text
    routes = {one["route"] for one in labels(text, "imagora_requests_total")}
    assert {"none", "/v1/models/{model}"} <= routes
    assert "unknown-" not in text
    metrics = Metrics()
    names = {metrics._bounded("stage", f"stage {number}") for number in range(2 * MOST_VALUES)}
    assert len(names) == MOST_VALUES + 1


def test_the_level_of_a_cache_is_what_a_stage_notes() -> None:
    stages = [StageRecord("retriever", "hybrid", 0.1), StageRecord("wrapper", "cache", 0.1, {"cache": "answer"})]
    assert [cache_level(stages[:1]), cache_level(stages)] == ["none", "answer"]


def test_a_query_that_is_left_or_fails_is_counted_as_that() -> None:
    metrics = Metrics()
    for error in (RuntimeError("x"), GeneratorExit()):
        with pytest.raises(type(error)), metrics.query("toys", Query("x")):
            raise error
    counted = labels(metrics.text().decode(), "imagora_queries_total")
    assert {one["outcome"] for one in counted if one["recipe"] == "toys"} == {"failed", "left"}
    # From the first moment on, so that the first query that is turned away unread is an increase.
    assert [one["outcome"] for one in counted if one["recipe"] == "none"] == ["overloaded"]


def test_openapi_describes_every_route_with_examples(client: httpx.Client) -> None:
    described: Any = client.get("/openapi.json").json()
    assert {"/v1/chat/completions", "/v1/search", "/v1/items", "/metrics"} <= set(described["paths"])
    schemas = described["components"]["schemas"]
    for name in ("ChatRequest", "Asked", "Changed", "Opinion"):
        assert schemas[name]["examples"], name
    body = described["paths"]["/v1/items"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}


def test_the_log_is_json_with_ids_and_without_content_secrets_or_control_characters(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "Authorization": "Bearer sk-secret-key-123456",
        "X-Request-Id": "mine-1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
    }
    with serving(tmp_path, str(recipe)) as running:
        with running.client() as client:
            client.post("/v1/ask", json={"recipe": "toys", "words": "my canary question"}, headers=headers)
            client.get("/evil%0d%0a%1b[31mline", params={"token": "canary-in-the-address"})
            client.post("/v1/ask", json={"recipe": "toys", "words": "canary", "filters": ["canary ~ 1"]})
        assert running.stop() == 0
        raw = "\n".join(running.raw)
    answered, request = running.events("answered")[0], running.events("request")[0]
    assert (answered["request"], answered["trace"], answered["recipe"]) == ("mine-1", trace, "toys")
    assert (request["route"], request["status"], request["request"]) == ("/v1/ask", 200, "mine-1")
    assert all(line.startswith("{") for line in running.raw)
    assert "canary" not in raw
    assert "sk-secret" not in raw
    assert not [character for character in raw if character != "\n" and ord(character) < 32]
