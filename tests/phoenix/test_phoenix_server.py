"""Traces in a real Phoenix: spans read back through its API, and its page looked at with a browser."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import imagora_ingestion
import imagora_phoenix
import pytest
import toys
from imagora import BuildContext, Component, Options, Pipeline, hookimpl
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora.pictures import decode
from PIL import Image, ImageDraw
from pydantic import Field
from toy_recipes import built, recipe_of
from toy_stages import ToyQuote
from typer.testing import CliRunner

from .conftest import Browser, Phoenix

ITEMS = (
    {"uri": "rose.png", "title": "a rose", "text": "A red rose in a vase.", "colour": "red"},
    {"uri": "sea.png", "title": "the sea", "text": "Blue waves.", "colour": "blue"},
    {"uri": "lemon.png", "title": "a lemon", "colour": "yellow"},
)


class SeeingOptions(Options):
    images: int = Field(4, description="pictures in a prompt")


class Seeing(ToyQuote):
    """Quotes, and says that it can see, so that its prompts have pictures."""

    images: int = 4


class StrangersPlugin:
    """A generator that sees, in a plugin without a line about tracing."""

    __name__ = "strangers_plugin"

    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        def build(options: SeeingOptions, _: BuildContext) -> Seeing:
            return Seeing(images=options.images)

        return [Component("seeing_quote", "quotes, and sees", SeeingOptions, build)]


CATALOG = Catalog.of(toys, imagora_ingestion, imagora_phoenix, StrangersPlugin())


def traced(folder: Path, url: str, project: str, **sections: Any) -> Pipeline:
    told = {"use": "phoenix", "url": url, "project": project, "timeout": 30}
    usual = {"rerankers": [{"use": "toy_reverse"}], "generator": {"use": "seeing_quote"}}
    pipeline = built(folder, recipe_of(ITEMS, traces=told, **{**usual, **sections}), CATALOG)
    pipeline.ingest()
    return pipeline


def drawing() -> bytes:
    picture = Image.new("RGB", (900, 700), (250, 245, 235))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((250, 120, 650, 520), fill=(220, 30, 30))
    draw.rectangle((430, 500, 470, 690), fill=(30, 120, 50))
    picture.save(file := BytesIO(), "PNG")
    return file.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))


def test_a_query_is_read_back_from_phoenix(phoenix: Phoenix, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, phoenix.url, "read-back")
    answer = pipeline.ask("a red rose")
    pipeline.stages.tracer.close()
    pipeline.close()
    counts = pipeline.stages.tracer.counts  # type: ignore[attr-defined]
    assert counts.failed == counts.dropped == 0
    spans = phoenix.spans("read-back", counts.sent)
    assert len(spans) == counts.sent == 6
    by_name = {span["name"]: span for span in spans}
    assert {name: span["span_kind"] for name, span in by_name.items()} == {
        "answer": "CHAIN",
        "retriever toy_retriever": "RETRIEVER",
        "embedder (image) toy_colour": "EMBEDDING",
        "reranker toy_reverse": "RERANKER",
        "prompt template": "CHAIN",
        "generator seeing_quote": "LLM",
    }
    root = by_name["answer"]
    assert root["parent_id"] is None and root["status_code"] == "OK"
    assert root["attributes"]["output.value"] == answer.text
    assert root["attributes"]["metadata.recipe_hash"] == pipeline.plan.hash
    assert by_name["reranker toy_reverse"]["parent_id"] == root["context"]["span_id"]
    retriever = by_name["retriever toy_retriever"]["attributes"]
    scored = [key for key in retriever if "document.metadata.scores." in key]
    assert {key.rpartition(".")[2] for key in scored} == {"image", "sparse"}
    assert retriever["retrieval.documents.0.document.score"] > 0


def test_hidden_content_is_not_in_phoenix(phoenix: Phoenix, tmp_path: Path) -> None:
    guardrails = {"query": [{"use": "toy_emails"}]}
    pipeline = traced(tmp_path, phoenix.url, "hidden", guardrails=guardrails)
    pipeline.ask("a red rose for ann@example.org", pictures=[decode(drawing())])
    pipeline.stages.tracer.close()
    pipeline.close()
    spans = phoenix.spans("hidden", pipeline.stages.tracer.counts.sent)  # type: ignore[attr-defined]
    told = json.dumps(spans)
    assert [word for word in ("rose", "vase", "ann@", "data:image", ".png", "lemon") if word in told] == []
    (guardrail,) = [span for span in spans if span["span_kind"] == "GUARDRAIL"]
    assert guardrail["attributes"]["metadata.reasons"] == ["EMAIL_ADDRESS"]


def test_the_page_of_a_trace_shows_its_stages_and_pictures(phoenix: Phoenix, browser: Browser, tmp_path: Path) -> None:
    pipeline, picture = traced(tmp_path, phoenix.url, "looked-at"), decode(drawing())
    pipeline.ask("a red rose", pictures=[picture])
    pipeline.stages.tracer.close()
    pipeline.close()
    spans = phoenix.spans("looked-at", pipeline.stages.tracer.counts.sent)  # type: ignore[attr-defined]
    page = CliRunner().invoke(app, ["trace"]).stdout.splitlines()[0]
    stages = ("retriever toy_retriever", "reranker toy_reverse", "prompt template", "generator seeing_quote")

    dom, picture_of_page = browser.look(page, tmp_path, stages[-1])
    assert [stage for stage in stages if stage not in dom] == []
    assert "a red rose" in dom
    with Image.open(picture_of_page) as shot:
        assert shot.size == (1700, 1300)
        assert len(shot.convert("RGB").getcolors(10_000_000) or []) > 200  # and not an empty page

    ids = {span["name"]: span["id"] for span in spans}
    there = f"{phoenix.url}/projects/{phoenix.project('looked-at')}/traces/{spans[0]['context']['trace_id']}"
    for name, wanted in (("retriever toy_retriever", "lemon.png"), ("generator seeing_quote", "data:image/jpeg")):
        folder = tmp_path / name.split()[0]
        folder.mkdir()
        dom, _ = browser.look(f"{there}?selectedSpanNodeId={ids[name]}", folder, wanted)
        assert wanted in dom, name
    llm = next(span for span in spans if span["name"] == "generator seeing_quote")["attributes"]
    urls = [value for key, value in llm.items() if key.endswith("image.url")]
    assert urls and max(map(len, urls)) <= 20_000
    with Image.open(BytesIO(base64.b64decode(urls[0].partition(",")[2]))) as small:
        assert small.format == "JPEG"
