"""Where content is hidden, nothing of it is in the bytes that the tracer `phoenix` sends: 200 canaries, 0 found."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora import Answer, Passage, Picture, Principal, Query, Verdict
from imagora.errors import StageError
from imagora.filters import Eq
from imagora.pictures import decode
from imagora.tracing import Traced

pytest.importorskip("opentelemetry.sdk", reason="needs the extra: pip install 'imagora[phoenix]'")

from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.tracer import PhoenixTracer
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.schema import ImageNode, MediaResource, Node, TextNode
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from PIL import Image

from .otlp_receiver import Receiver, receiver
from .phoenix_toys import GUARDED, finish, traced

CANARIES = [f"canary{number:03}x{number * 7919 % 10007:05}" for number in range(200)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def found_in(collector: Receiver, canaries: list[str]) -> list[str]:
    sent = b"".join(collector.bodies)
    for body in collector.bodies:  # also in words that are coded within the bytes
        sent += str(ExportTraceServiceRequest.FromString(body)).encode()
    lowered = sent.lower()
    coded = [canary for canary in canaries if base64.b64encode(canary.encode())[:12] in sent]
    return coded + [canary for canary in canaries if canary.encode().lower() in lowered]


def picture() -> Picture:
    Image.effect_noise((64, 64), 90).convert("RGB").save(file := BytesIO(), "PNG")
    return decode(file.getvalue())


def test_200_canaries_in_items_queries_and_answers_are_not_found(collector: Receiver, tmp_path: Path) -> None:
    assert len(set(CANARIES)) == 200
    shown = picture()
    items = [
        {
            "uri": f"{CANARIES[n]}.png",
            "title": CANARIES[n + 40],
            "text": f"rose {CANARIES[n + 80]}",
            "metadata": {"tags": [CANARIES[n + 120]], "caption": CANARIES[n + 160], "ocr_text": CANARIES[n]},
        }
        for n in range(40)
    ]
    rerankers = [{"use": "strangers_order"}]
    pipeline = traced(tmp_path, collector.url, items, guardrails=GUARDED, rerankers=rerankers)
    for canary in CANARIES:
        query = Query(
            f"rose {canary}",
            pictures=(shown,),
            filter=Eq("title", canary) if canary in CANARIES[40:44] else None,
            negative=canary,
            principal=Principal(tenant="acme", user=canary),
        )
        asyncio.run(pipeline.answer(query))
    counts = finish(pipeline)
    assert (counts.failed, counts.dropped) == (0, 0) and counts.sent == len(collector.spans()) >= 2000
    assert found_in(collector, CANARIES) == []
    sent = b"".join(collector.bodies)
    assert b"data:image" not in sent and shown.png[60:90] not in sent
    root = collector.named("answer")[0]
    assert root.metadata["tenant"] == "acme" and root.metadata["pictures"] == 1
    retriever = collector.named("retriever")[0]
    assert retriever.attributes["retrieval.documents.0.document.score"] > 0
    assert "scores" in retriever.attributes["retrieval.documents.0.document.metadata"]
    assert collector.named("guardrail")[0].metadata["verdict"] == "pass"


def test_the_same_canaries_are_found_where_content_is_shown(collector: Receiver, tmp_path: Path) -> None:
    items = [{"uri": f"{CANARIES[0]}.png", "title": CANARIES[1], "text": f"rose {CANARIES[2]}"}]
    pipeline = traced(tmp_path, collector.url, items, {"content": "shown"}, guardrails=GUARDED)
    pipeline.ask(f"rose {CANARIES[3]}")
    finish(pipeline)
    assert found_in(collector, CANARIES[:4]) == CANARIES[:4]


def test_content_is_hidden_where_the_recipe_says_so_without_a_guardrail(collector: Receiver, tmp_path: Path) -> None:
    items = [{"uri": CANARIES[0], "title": CANARIES[1], "text": f"rose {CANARIES[2]}"}]
    pipeline = traced(tmp_path, collector.url, items, {"content": "hidden"})
    pipeline.search(f"rose {CANARIES[3]}")
    finish(pipeline)
    assert len(collector.spans()) == 3
    assert found_in(collector, CANARIES[:4]) == []


def test_errors_give_nothing_away(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, rerankers=[{"use": "broken_order"}], guardrails=GUARDED)
    for canary in CANARIES[:10]:
        with pytest.raises(StageError, match=canary):
            pipeline.ask(f"rose {canary}")
    finish(pipeline)
    assert found_in(collector, CANARIES) == []
    assert {span.message for span in collector.named("reranker")} == {"LookupError"}
    assert all(span.events[0][1] == {"exception.type": "LookupError"} for span in collector.named("reranker"))


def odd_things() -> Iterator[tuple[str, Any]]:
    """Give what strangers' stages may be given and give, with canaries in every corner."""
    folder = Path(tempfile.mkdtemp())
    (folder / CANARIES[1]).write_bytes(picture().png)
    png, (a, b, c, d, e, f, *_) = picture().png, CANARIES
    yield "passages", [Passage(node=TextNode(text=a, id_=f"/photos/{b}.png", metadata={c: d}), score=1.0)]
    yield "pictures", [Passage(node=ImageNode(image_path=a, image_url=b, text=c, id_=d), score=None)]
    inline = MediaResource(data=base64.b64encode(a.encode()), url=f"http://h/{b}")
    yield "nodes", [Passage(node=Node(image_resource=inline, id_=c, extra_info={"title": d, "uri": e}), score=0.1)]
    blocks = [TextBlock(text=a), ImageBlock(image=png), ImageBlock(path=folder / b), ImageBlock(url=f"http://h/{c}")]
    yield "messages", [ChatMessage(role="user", blocks=blocks, additional_kwargs={d: e})]
    message = ChatMessage(role="assistant", content=a, additional_kwargs={"x": b})
    yield "response", ChatResponse(message=message, raw={"model": "m", "usage": {"prompt_tokens": c}, "said": d})
    yield "verdicts", [Verdict("redact", a, ("EMAIL_ADDRESS",)), Verdict("pass", b)]
    yield "texts", [a, b]
    yield "a text", a
    yield "a mapping", {a: b}
    yield "an answer", Answer(a, (), (), (), degraded=True, degraded_because=b)
    yield "a stranger's", type("Odd", (), {"__str__": lambda _: c, "__repr__": lambda _: f})()


@pytest.mark.parametrize("thing", [pytest.param(thing, id=name) for name, thing in odd_things()])
@pytest.mark.parametrize("stage", ["retriever", "reranker", "generator", "guardrail (answer)", "prompt", ""])
def test_nothing_that_a_stage_is_given_or_gives_is_told(stage: str, thing: Any, collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))
    query = Query(f"q {CANARIES[9]}")
    facts = {"n": 3, "seen": CANARIES[1], CANARIES[2] + ".png": 1, "deep": {CANARIES[3]: 1}, "share": float("nan")}
    with tracer.query(Traced("answer", "r", "h", {"p": "1"}, query, True)) as root:
        with tracer.stage(stage, "odd", thing) as span:
            span.gave(thing)
            span.facts(facts)
        root.gave(thing)
    tracer.close()
    assert len(collector.spans()) == 2
    assert found_in(collector, CANARIES) == []
    assert collector.spans()[1].metadata["n"] == 3


@pytest.mark.parametrize("thing", [pytest.param(thing, id=name) for name, thing in odd_things()])
def test_odd_things_are_shown_without_an_error(thing: Any, collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))
    with tracer.query(Traced("answer", "r", "h", {}, Query("q"), False)):
        for stage in ("retriever", "reranker", "generator", "guardrail (answer)", ""):
            with tracer.stage(stage, "odd", thing) as span:
                span.gave(thing)
                span.facts({"set": {1}, "deep": [[[[1]]]], "none": None})
    tracer.close()
    assert len(collector.spans()) == 6
    assert not any("imagora.not_traced" in span.attributes for span in collector.spans())


def test_a_stage_outside_of_a_trace_shows_nothing(collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))
    with tracer.stage("reranker", "alone", [CANARIES[0]]) as span:
        span.gave([CANARIES[1]])
    tracer.close()
    assert [span.name for span in collector.spans()] == ["reranker alone"]
    assert found_in(collector, CANARIES) == []
