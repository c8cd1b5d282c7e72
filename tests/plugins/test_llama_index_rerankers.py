"""LlamaIndex's postprocessors by name: the contract, what is asked of a model and of a host, and what is not there."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from imagora import BuildContext, Query
from imagora.errors import StageError
from imagora.testing import RerankerContract, golden
from imagora_llama_index import offer_rerankers
from imagora_llama_index.known_rerankers import KNOWN_RERANKERS
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import ValidationError

COMPONENTS = {component.name: component for component in offer_rerankers()}
KEY = "jina-sesame"


class Judge(CustomLLM):
    """Gives what it was told to, and keeps the prompts."""

    answer: str
    prompts: list[str] = []  # noqa: RUF012 - pydantic copies a field's default for each object

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.prompts.append(prompt)
        return CompletionResponse(text=self.answer)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        yield self.complete(prompt)


class Parts(BuildContext):
    """Builds the judge, whatever generator the options name."""

    judge: Any = None

    def build(self, component: Any) -> Any:
        return self.judge


def made(name: str, judge: Judge | None = None, **said: Any) -> Any:
    context = Parts("test")
    object.__setattr__(context, "judge", judge)
    options = {"generator": {"use": "extractive"}, **said} if judge else said
    return COMPONENTS[name].build(COMPONENTS[name].options.model_validate(options), context)


def rank(stage: Any, nodes: list[NodeWithScore], words: str = "something to drink") -> list[Any]:
    ranked = asyncio.run(stage.apostprocess_nodes(nodes, Query(words)))
    return [(node.node.node_id, node.score) for node in ranked]


def texts(*scores: float | None) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=f"{n}", text=f"text {n}"), score=s) for n, s in enumerate(scores)]


class TestCutoff(RerankerContract):
    @pytest.fixture
    def stage(self) -> Any:
        return made("similarity_cutoff", cutoff=0.0)


class TestReorder(RerankerContract):
    @pytest.fixture
    def stage(self) -> Any:
        return made("long_context_reorder")


class TestReplacement(RerankerContract):
    @pytest.fixture
    def stage(self) -> Any:
        return made("metadata_replacement")


class TestLLMRerank(RerankerContract):
    pointwise = False

    @pytest.fixture
    def stage(self) -> Any:
        return made("llm_rerank", Judge(answer="Doc: 1, Relevance: 7\nDoc: 2, Relevance: 9"))


class TestRankGPT(RerankerContract):
    pointwise = False

    @pytest.fixture
    def stage(self) -> Any:
        return made("rank_gpt", Judge(answer="[2] > [1]"))


def test_what_they_are_for() -> None:
    assert rank(made("similarity_cutoff", cutoff=0.5), texts(0.9, 0.2, None)) == [("0", 0.9), ("2", None)]
    assert [id_ for id_, _ in rank(made("long_context_reorder"), texts(0.9, 0.8, 0.7, 0.6))] == ["1", "3", "2", "0"]
    (passage,) = texts(0.9)
    passage.node.metadata["window"] = "a wider window"
    ranked = asyncio.run(made("metadata_replacement").apostprocess_nodes([passage], Query("x")))
    assert ranked[0].node.get_content() == "a wider window" and passage.node.get_content() == "text 0"


def test_a_model_is_asked_with_the_question_and_the_passages() -> None:
    judge = Judge(answer="Doc: 2, Relevance: 9\nDoc: 1, Relevance: 3")
    assert rank(made("llm_rerank", judge, keep=2), texts(0.9, 0.8, 0.7)) == [("1", 9.0), ("0", 3.0)]
    assert "something to drink" in judge.prompts[0] and "text 2" in judge.prompts[0]


def test_a_model_that_makes_no_sense_is_told_in_words() -> None:
    with pytest.raises(StageError, match="the reranker 'llm_rerank' gave none of 1 passages back"):
        rank(made("llm_rerank", Judge(answer="I like them all")), texts(0.9))


@pytest.fixture
def host() -> Iterator[tuple[str, list[Any]]]:
    """Speak Jina's API: the longest text is best; a wrong key is refused as Jina refuses it."""
    calls: list[Any] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            calls.append((self.path, asked))
            order = sorted(range(len(asked["documents"])), key=lambda n: -len(asked["documents"][n]))
            said: Any = {"results": [{"index": n, "relevance_score": 1 / (r + 1)} for r, n in enumerate(order)]}
            if self.headers["authorization"] != f"Bearer {KEY}":
                said = {"detail": "Unauthorized: the key " + self.headers["authorization"].split()[-1]}
            else:
                said["results"] = said["results"][: asked["top_n"]]
            text = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", calls
    server.shutdown()
    server.server_close()


needs_jina = pytest.mark.skipif(
    not find_spec("llama_index.postprocessor.jinaai_rerank") if find_spec("llama_index.postprocessor") else True,
    reason="llama-index-postprocessor-jinaai-rerank is not installed",
)


@needs_jina
def test_a_host_gets_words_and_gives_scores(host: tuple[str, list[Any]], tmp_path: Path) -> None:
    url, calls = host
    stage = made("jina_rerank", model="jina-reranker-v2-base-multilingual", api_key=KEY, url=url, keep=2)
    nodes = [*golden.passages(tmp_path)]
    ranked = asyncio.run(stage.apostprocess_nodes(nodes, Query("a blue triangle")))
    assert [node.score for node in ranked[:2]] == [1.0, 0.5]
    (path, asked), *_ = calls
    assert path == "/v1/rerank" and asked["top_n"] == 2 and asked["query"] == "a blue triangle"
    assert all(text.strip() for text in asked["documents"]), "pictures without words are not sent"
    assert rank(stage, []) == [] and len(calls) == 1


@needs_jina
def test_a_refusal_is_told_without_the_key(host: tuple[str, list[Any]]) -> None:
    stage = made("jina_rerank", model="m", api_key="wrong-key-word", url=host[0])
    with pytest.raises(StageError, match="'jina_rerank' failed: Unauthorized") as caught:
        rank(stage, texts(0.9))
    assert "wrong-key-word" not in str(caught.value)


def test_what_the_table_says_of_what_is_installed_is_so() -> None:
    looked = 0
    for known in KNOWN_RERANKERS.values():
        if known.extra and not (find_spec("llama_index.postprocessor") and find_spec(known.module)):
            continue
        class_ = getattr(import_module(known.module), known.class_)
        takes = {*inspect.signature(class_.__init__).parameters, *class_.model_fields}
        assert set(known.takes.values()) <= takes, known.name
        assert set(known.takes) <= set(known.options.model_fields), known.name
        looked += 1
    assert looked >= 5


def test_what_a_host_needs_is_an_extra_of_imagora() -> None:
    there = set(metadata("imagora").get_all("Provides-Extra") or ())
    wanted = {component.extra for component in COMPONENTS.values() if component.extra}
    assert len(wanted) == 3 and wanted <= there


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="cutof"):
        made("similarity_cutoff", cutof=0.5)
