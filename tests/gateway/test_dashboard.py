"""`imagora recipe dashboard`, and that a real Prometheus finds in a real gateway all that it and the alerts ask for."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import imagora_cache
import imagora_ingestion
import pytest
import toys
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora_gateway.metrics import MODALITIES
from imagora_gateway.watching.alerts import rules
from imagora_gateway.watching.dashboard import dashboard
from imagora_gateway.watching.quoting import metrics_in
from imagora_gateway.watching.thresholds import Thresholds
from imagora_recipe.check import check
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from .live import Live, ingested, served
from .prometheus import found, scraping

THEIRS = {"up"}
"""What Prometheus itself makes of whether it could read a target."""
CACHED = Catalog.of(toys, imagora_ingestion, imagora_cache)


def panels(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in made["panels"] if panel["type"] != "row"]


def asked_of(panel: dict[str, Any], name: str = "toys", job: str = "imagora", window: str = "1m") -> list[str]:
    """Give a panel's expressions as Grafana would send them."""
    values = {"$recipe": name, "$job": job, "$__rate_interval": window}
    return [re.sub(r"\$\w+", lambda found: values[found[0]], target["expr"]) for target in panel["targets"]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("watched")
    recipe = ingested(folder, catalog=CACHED, wrappers=[{"use": "cache"}])
    with served(folder, recipe, catalog=CACHED) as live:
        yield live


def use(client: httpx.Client) -> None:
    """Ask in every way: words, a picture, both; streamed; with a mistake."""
    Image.new("RGB", (32, 32), "red").save(file := BytesIO(), "PNG")
    picture = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    for asked in ({"words": "rose"}, {"pictures": [picture]}, {"words": "rose", "pictures": [picture]}):
        assert client.post("/v1/ask", json={"recipe": "toys", **asked}).status_code == 200
    chat = {"model": "toys", "messages": [{"role": "user", "content": "a red rose"}], "stream": True}
    assert "[DONE]" in client.post("/v1/chat/completions", json=chat).text
    client.post("/v1/search", json={"recipe": "toys", "words": "rose", "weights": {"nonsense": -1}})


def test_every_metric_of_the_rules_and_the_dashboard_is_there(watched: Live) -> None:
    plan = check(watched.folder / "toys.yaml", CACHED)
    with watched.client() as client:
        use(client)
        text = client.get("/metrics").text
    there = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    asked = metrics_in(rules(plan, "toys", Thresholds(), "imagora"))
    drawn = {
        name
        for panel in panels(dashboard(plan, "toys", "imagora"))
        for one in asked_of(panel)
        for name in metrics_in(one)
    }
    assert len(asked) >= 12 and len(drawn) >= 18
    assert (asked | drawn) - there == THEIRS


def test_prometheus_finds_something_for_every_panel_and_no_alert_fires(watched: Live, tmp_path: Path) -> None:
    plan = check(watched.folder / "toys.yaml", CACHED)
    with (
        watched.client() as client,
        scraping(tmp_path, watched.url, rules(plan, "toys", Thresholds(least=1), "imagora")) as prometheus,
    ):
        use(client)
        time.sleep(2)  # some readings of what was asked now
        for panel in panels(dashboard(plan, "toys", "imagora")):
            for expression in asked_of(panel):
                values = found(prometheus, expression)
                assert values, (panel["title"], expression)
                if panel["title"] == "ready":
                    assert values[0]["value"][1] == "1"
        alerts = prometheus.get("/rules").json()["data"]["groups"]
    states = {rule["name"]: (rule["state"], rule.get("lastError")) for group in alerts for rule in group["rules"]}
    assert len(states) == 10
    assert {name for name, (state, _) in states.items() if state == "firing"} == set()
    assert [error for _, error in states.values() if error] == []


def test_the_dashboard_is_what_grafana_imports(tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    said = CliRunner().invoke(app, ["recipe", "dashboard", "starter", "--job", "gw", "-o", str(file)])
    assert said.exit_code == 0, said.output
    made = json.loads(file.read_text("utf-8"))
    assert (made["title"], made["schemaVersion"]) == ("Imagora: starter", 41)
    assert [one["type"] for one in made["templating"]["list"]] == ["datasource", "query", "query"]
    assert [one["current"]["value"] for one in made["templating"]["list"][1:]] == ["gw", "starter"]
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids) and all(panel["title"] for panel in made["panels"])
    maps = [panel for panel in panels(made) if panel["type"] == "heatmap"]
    assert len(maps) == len(MODALITIES)
    assert all(target["format"] == "heatmap" for panel in maps for target in panel["targets"])
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels(made))


def test_no_two_panels_are_at_one_place() -> None:
    made = json.loads(CliRunner().invoke(app, ["recipe", "dashboard", "starter"]).stdout)
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
