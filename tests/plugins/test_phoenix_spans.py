"""What the tracer `phoenix` tells a collector of a query: spans, parents, OpenInference's kinds and attributes."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora import Principal, Query
from imagora.errors import StageError
from imagora.pictures import decode
from imagora.testing import ComponentContract
from imagora.tracing import Traced, TraceParent, request
from toy_stages import square

pytest.importorskip("opentelemetry.sdk", reason="needs the extra: pip install 'imagora[phoenix]'")

from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.thumbnails import thumbnail
from imagora_phoenix.tracer import PhoenixTracer
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index_instrumentation import get_dispatcher
from opentelemetry import trace as api
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from PIL import Image
from pydantic import ValidationError

from .otlp_receiver import Got, Receiver, receiver
from .phoenix_toys import finish, traced

OK, ERROR = 1, 2


class TestPlugin(ComponentContract):
    plugin = "imagora_phoenix"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def collector() -> Any:
    with receiver() as made:
        yield made


def noise(side: int = 700) -> bytes:
    file = BytesIO()
    Image.effect_noise((side, side), 100).convert("RGB").save(file, "PNG")
    return file.getvalue()


def documents(span: Got, name: str) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for key, value in span.attributes.items():
        if key.startswith(name + "."):
            place, _, rest = key.removeprefix(name + ".").partition(".")
            found.setdefault(int(place), {})[rest.removeprefix("document.")] = value
    return [found[place] for place in sorted(found)]


def test_a_query_is_one_trace_with_a_span_for_every_stage(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, rerankers=[{"use": "strangers_order"}, {"use": "toy_reverse"}])
    answer = pipeline.ask("a red rose", principal=Principal(tenant="acme", user="ann"))
    counts = finish(pipeline)
    spans = collector.spans()
    assert counts.sent == len(spans)
    assert len({span.trace for span in spans}) == 1
    root, *others = spans
    assert root.name == "answer" and root.parent == ""
    kinds = {span.name: span.attributes["openinference.span.kind"] for span in spans}
    assert kinds == {
        "answer": "CHAIN",
        "retriever toy_retriever": "RETRIEVER",
        "embedder (image) toy_colour": "EMBEDDING",
        "reranker strangers_order": "RERANKER",
        "reranker toy_reverse": "RERANKER",
        "prompt template": "CHAIN",
        "generator toy_quote": "LLM",
    }
    (retriever,) = collector.named("retriever")
    for span in others:
        assert span.parent == (retriever.id if span.name.startswith("embedder") else root.id), span.name
        assert span.status == OK
    assert root.attributes["input.value"] == "a red rose"
    assert root.attributes["output.value"] == answer.text
    told = root.metadata
    assert (told["recipe"], told["recipe_hash"], told["tenant"]) == ("toys", pipeline.plan.hash, "acme")
    assert {"toys", "strangers_plugin", "imagora_phoenix"} <= set(told["plugins"])
    assert collector.paths == ["/v1/traces"]
    assert collector.resources()[0]["openinference.project.name"] == "imagora"


def test_passages_have_their_scores_on_every_leg_as_they_were(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, rerankers=[{"use": "strangers_order"}])
    found = pipeline.search("a red rose")
    finish(pipeline)
    (retriever,), (reranker,) = collector.named("retriever"), collector.named("reranker")
    retrieved = documents(retriever, "retrieval.documents")
    assert {"id", "score", "content", "metadata"} <= set(retrieved[0])
    assert json.loads(retrieved[0]["metadata"])["title"] == "a rose"
    assert set(json.loads(retrieved[0]["metadata"])["scores"]) == {"image", "sparse"}
    assert documents(reranker, "reranker.input_documents") == retrieved  # although the reranker wrote into them
    output = documents(reranker, "reranker.output_documents")
    assert [one["id"] for one in output] == [passage.node_id for passage in found.passages]
    assert [one["score"] for one in output] == [100.0, 99.0]
    assert json.loads(output[0]["metadata"])["scores"]["strangers_order"] == 100.0
    assert reranker.attributes["reranker.query"] == "a red rose"
    assert reranker.attributes["reranker.model_name"] == "strangers_order"


def test_a_language_model_is_told_of_with_messages_name_and_tokens(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, generator={"use": "counting"})
    answer = pipeline.ask("a red rose")
    finish(pipeline)
    (llm,) = collector.named("generator")
    told = llm.attributes
    assert [told[f"llm.input_messages.{n}.message.role"] for n in (0, 1)] == ["system", "user"]
    assert "a red rose" in told["llm.input_messages.1.message.content"]
    assert told["llm.output_messages.0.message.role"] == "assistant"
    assert told["llm.output_messages.0.message.content"].startswith(answer.text[:20])
    assert told["llm.model_name"] == "counting-1"
    counted = [told[f"llm.token_count.{name}"] for name in ("prompt", "completion", "total")]
    assert counted == [12, 3, 15]


def test_a_streamed_answer_is_told_of_with_its_last_words(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url)

    async def streamed() -> str:
        return [event async for event in pipeline.stream(Query("a red rose"))][-1].answer.text  # type: ignore[union-attr]

    text = asyncio.run(streamed())
    finish(pipeline)
    (llm,), (root,) = collector.named("generator"), collector.named("answer")
    assert llm.attributes["output.value"] == root.attributes["output.value"] == text
    assert llm.attributes["llm.model_name"] == "toy_quote"


def test_a_fallback_does_not_have_the_model_of_what_failed(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, generator={"use": "broken"}, answer={"fallback": {"use": "toy_quote"}})
    answer = pipeline.ask("a red rose")
    finish(pipeline)
    assert answer.degraded and collector.named("answer")[0].metadata["degraded"] is True
    broken, fallback = collector.named("generator")
    assert (broken.status, fallback.status) == (ERROR, OK)
    assert broken.attributes["llm.model_name"] == "broken-1"
    assert fallback.attributes["llm.model_name"] == "toy_quote"


def test_verdicts_are_told_of_with_their_reasons(collector: Receiver, tmp_path: Path) -> None:
    guardrails = {"query": [{"use": "toy_emails"}], "answer": [{"use": "toy_emails", "action": "refuse"}]}
    items = [{"uri": "note", "text": "Write to ann@example.org about the rose."}]
    pipeline = traced(tmp_path, collector.url, items, {"content": "shown"}, guardrails=guardrails)
    answer = pipeline.ask("rose for bob@example.org")
    finish(pipeline)
    assert answer.refused
    query, out = collector.named("guardrail (query)")[0], collector.named("guardrail (answer)")[-1]
    assert query.attributes["openinference.span.kind"] == "GUARDRAIL"
    assert (query.metadata["verdict"], query.metadata["reasons"]) == ("redact", ["EMAIL_ADDRESS"])
    assert json.loads(query.attributes["output.value"])["texts"] == ["rose for <EMAIL_1>"]
    assert out.metadata["verdict"] == "refuse"
    assert collector.named("answer")[0].metadata["refused"] is True


def test_a_failed_stage_has_the_kind_of_its_error(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, rerankers=[{"use": "broken_order"}])
    with pytest.raises(StageError):
        pipeline.ask("a red rose")
    finish(pipeline)
    (reranker,), (root,) = collector.named("reranker"), collector.named("answer")
    for span in (reranker, root):
        assert span.status == ERROR
        assert span.message == "LookupError: no way to rerank for a red rose"
        assert span.events[0][1]["exception.type"] == "LookupError"


def test_a_cancelled_query_is_told_of_as_cancelled(collector: Receiver, tmp_path: Path) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))

    async def cancelled() -> None:
        with tracer.query(Traced("answer", "r", "h", {}, Query("rose"), False)), tracer.stage("generator", "slow", []):
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    tracer.close()
    assert [(span.name, span.message) for span in collector.spans()] == [
        ("answer", "CancelledError"),
        ("generator slow", "CancelledError"),
    ]


def test_queries_at_the_same_time_are_traces_apart(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url)

    async def many() -> None:
        await asyncio.gather(*(pipeline.answer(Query(f"rose {number}")) for number in range(12)))

    asyncio.run(many())
    finish(pipeline)
    roots = {span.trace: span for span in collector.spans() if not span.parent}
    assert len(roots) == 12
    for span in collector.named("retriever"):
        assert span.parent == roots[span.trace].id
        assert span.attributes["input.value"] == roots[span.trace].attributes["input.value"]
    assert len(collector.named("embedder")) == 12


def test_a_thread_that_a_stage_starts_is_within_its_span(collector: Receiver) -> None:
    tracer = PhoenixTracer(PhoenixOptions(url=collector.url))

    def deep() -> None:
        with tracer.stage("reranker", "inner", []):
            pass

    async def run() -> None:
        with tracer.query(Traced("search", "r", "h", {}, Query("rose"), False)), tracer.stage("retriever", "outer", 1):
            await asyncio.to_thread(deep)

    asyncio.run(run())
    tracer.close()
    root, outer, inner = collector.spans()
    assert (outer.parent, inner.parent) == (root.id, outer.id)


def test_pictures_are_small_in_every_span_and_never_whole(collector: Receiver, tmp_path: Path) -> None:
    pipeline, picture = traced(tmp_path, collector.url), decode(noise())
    pipeline.ask("a red rose", pictures=[picture])
    tracer = pipeline.stages.tracer
    (tmp_path / "rose.png").write_bytes(square("red"))
    inline = f"a text with data:image/png;base64,{base64.b64encode(picture.png[:2000]).decode()} in it"
    blocks = [TextBlock(text=inline), ImageBlock(image=picture.png), ImageBlock(path=tmp_path / "rose.png")]
    asked = Traced("answer", "r", "h", {}, Query("q", pictures=(picture,)), False)
    messages = [ChatMessage(role="user", blocks=blocks)]
    with tracer.query(asked), tracer.stage("generator", "sees", messages) as span:
        span.gave(ChatResponse(message=ChatMessage(role="assistant", content="a rose")))
    finish(pipeline)
    for span in collector.spans():
        for key, value in span.attributes.items():
            assert len(str(value)) <= 20_000, (span.name, key)
    sent = b"".join(collector.bodies)
    assert picture.png[100:140] not in sent and base64.b64encode(picture.png[99:141]) not in sent
    url = collector.named("answer")[0].attributes["input.images.0.image.url"]
    with Image.open(BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")))) as small:
        assert small.format == "JPEG" and max(small.size) <= 320
    (llm,) = collector.named("generator sees")
    start = "llm.input_messages.0.message.contents"
    assert llm.attributes[f"{start}.0.message_content.text"] == "a text with (a picture) in it"
    assert llm.attributes[f"{start}.1.message_content.image.image.url"].startswith("data:image/jpeg;base64,")
    assert llm.attributes[f"{start}.2.message_content.text"] == f"(the picture {tmp_path / 'rose.png'})"
    assert [span.attributes.get("input.value") for span in collector.named("embedder")][1:] == ["(a picture)"] * 1


def test_thumbnails_fit_or_are_none() -> None:
    assert len(thumbnail(noise(), 20_000) or "") <= 20_000
    assert thumbnail(noise(), 300) is None
    assert (thumbnail(square("red"), 20_000) or "").startswith("data:image/jpeg;base64,")


def test_no_thumbnails_where_the_recipe_wants_none(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url, traces={"thumbnails": 0})
    pipeline.ask("a rose", pictures=[decode(square("red"))])
    finish(pipeline)
    assert b"data:image" not in b"".join(collector.bodies)
    assert "PNG" in collector.named("answer")[0].attributes["input.value"]


def test_long_texts_are_cut(collector: Receiver, tmp_path: Path) -> None:
    items = [{"uri": "long", "text": "rose " * 1000}]
    pipeline = traced(tmp_path, collector.url, items, {"characters": 100})
    pipeline.ask("rose")
    finish(pipeline)
    (document,) = documents(collector.named("retriever")[0], "retrieval.documents")
    assert document["content"].endswith("(4900 more characters)")


def test_the_global_provider_and_the_applications_spans_are_left_alone(collector: Receiver, tmp_path: Path) -> None:
    before, application = api.get_tracer_provider(), TracerProvider().get_tracer("application")
    pipeline = traced(tmp_path, collector.url)
    with application.start_as_current_span("a request") as span:
        asyncio.run(pipeline.answer(Query("rose")))
        assert api.get_current_span() is span
    finish(pipeline)
    assert api.get_tracer_provider() is before
    (root,) = collector.named("answer")
    assert root.parent == "" and root.links == 1


def test_a_query_goes_on_with_the_trace_of_its_request(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url)
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    token = request.set(TraceParent.of(header))
    answer = pipeline.ask("rose")
    request.set(TraceParent("ab" * 16))
    found = pipeline.search("rose")
    request.reset(token)
    other = pipeline.ask("rose")
    finish(pipeline)
    assert (answer.trace, found.trace) == ("0af7651916cd43dd8448eb211c80319c", "ab" * 16)
    assert answer.to_dict()["trace"] == answer.trace
    assert len({answer.trace, found.trace, other.trace}) == 3 and len(other.trace) == 32
    asked = {span.trace: span for span in collector.named("answer")}
    assert set(asked) == {answer.trace, other.trace}
    assert (asked[answer.trace].parent, asked[other.trace].parent) == ("b7ad6b7169203331", "")
    (search,) = collector.named("search")
    assert (search.trace, search.parent) == ("ab" * 16, "")
    assert {span.trace for span in collector.named("retriever")} == {answer.trace, found.trace, other.trace}


def test_what_a_propagator_read_from_a_request_is_gone_on_with(collector: Receiver, tmp_path: Path) -> None:
    pipeline = traced(tmp_path, collector.url)
    context = TraceContextTextMapPropagator().extract({"traceparent": f"00-{'cd' * 16}-{'12' * 8}-01"})
    token = attach(context)
    answer = asyncio.run(pipeline.answer(Query("rose")))
    detach(token)
    finish(pipeline)
    (root,) = collector.named("answer")
    assert (answer.trace, root.trace, root.parent, root.links) == ("cd" * 16, "cd" * 16, "12" * 8, 0)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n00",
    ],
)
def test_what_is_no_traceparent_is_none(header: str) -> None:
    assert TraceParent.of(header) is None


def test_the_page_of_a_trace_is_phoenixs_or_where_people_reach_it() -> None:
    trace = "ab" * 16
    here = PhoenixTracer(PhoenixOptions(url="http://127.0.0.1:6006"))
    proxied = PhoenixTracer(PhoenixOptions(url="http://phoenix:6006", pages="https://traces.shop.example/phoenix/"))
    assert here.address(trace) == f"http://127.0.0.1:6006/redirects/traces/{trace}"
    assert proxied.address(trace) == f"https://traces.shop.example/phoenix/redirects/traces/{trace}"
    assert here.address("../../evil") is None


def test_llama_index_is_listened_to_only_while_there_is_a_tracer(collector: Receiver, tmp_path: Path) -> None:
    before = list(get_dispatcher().span_handlers)
    pipeline = traced(tmp_path, collector.url)
    assert get_dispatcher().span_handlers == before
    pipeline.search("rose")
    assert len(get_dispatcher().span_handlers) == len(before) + 1
    finish(pipeline)
    gc.collect()
    assert get_dispatcher().span_handlers == before


def test_keys_are_sent_and_never_shown(
    collector: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", collector.url)
    monkeypatch.setenv("PHOENIX_PROJECT_NAME", "shop")
    options = PhoenixOptions(api_key="sesame-1", headers={"X-Team": "sesame-2"})
    tracer = PhoenixTracer(options)
    with tracer.query(Traced("answer", "r", "h", {}, Query("rose"), False)):
        pass
    tracer.close()
    assert collector.headers[0]["authorization"] == "Bearer sesame-1"
    assert collector.headers[0]["x-team"] == "sesame-2"
    assert collector.resources()[0]["openinference.project.name"] == "shop"
    state = (tmp_path / "cache" / "phoenix" / "last-trace.json").read_text()
    assert "sesame" not in repr(options) + state + caplog.text + str(collector.bodies)


@pytest.mark.parametrize("url", ["127.0.0.1:6006", "ftp://h", "http://u:p@h", "http://h?key=1", "http://h:x", ""])
def test_an_address_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="url must be like"):
        PhoenixOptions(url=url)
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", url or "nothing")
    with pytest.raises(ValueError, match="'PHOENIX_COLLECTOR_ENDPOINT' is wrong"):
        PhoenixTracer(PhoenixOptions())


@pytest.mark.parametrize("header", [{"a b": "1"}, {"x": "1\r\ny: 2"}, {"": "1"}, {"x": "ü"}])
def test_a_header_that_is_none_is_refused_without_its_value(header: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is no header of HTTP") as refused:
        PhoenixOptions(headers=header)
    assert "y: 2" not in refused.value.errors()[0]["msg"]
