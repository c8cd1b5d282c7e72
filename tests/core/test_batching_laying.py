"""Batching of built stages: laid beneath what everybody calls, said in the recipe, told in the record."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from imagora.assembly import build
from imagora.component import BuildContext
from imagora.errors import PluginError, QueryError
from imagora.record import Record, batch_size
from imagora.stages import Identity, PictureEmbedder
from imagora_batching.laying import lay
from imagora_batching.options import Batching
from imagora_batching.turns import Turns
from imagora_recipe.check import check, planned
from imagora_recipe_tools.changes import changes
from imagora_recipe_tools.costs import costed
from imagora_recipe_tools.parts import Parts
from imagora_recipe_tools.said import said_by
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.span_handlers import NullSpanHandler
from pydantic import PrivateAttr
from toy_recipes import CATALOG, built, problems, recipe_of, write


class Counting(MultiModalEmbedding):
    """Lengths of texts and pictures as vectors; counts the calls of its model and can be held while one runs."""

    _calls: list[Any] = PrivateAttr(default_factory=list)
    _go: Any = PrivateAttr(default_factory=threading.Event)
    _began: Any = PrivateAttr(default_factory=threading.Event)

    def identity(self) -> Identity:
        return Identity("counting", "1", "lengths", 1, "dot")

    def _model(self, kind: str, lengths: list[int]) -> list[list[float]]:
        self._calls.append((kind, lengths))
        self._began.set()
        assert self._go.wait(10)
        if 13 in lengths:
            raise QueryError("13 is too long")
        return [[float(length)] for length in lengths]

    def get_query_embedding_batch(self, queries: list[str]) -> list[list[float]]:
        return self._model("words", [len(query) for query in queries])

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.get_query_embedding_batch([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._model("texts", [len(text) for text in texts])

    def _get_image_embeddings(self, img_file_paths: list[Any]) -> list[list[float]]:
        return self._model("pictures", [len(file.getvalue()) for file in img_file_paths])

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return await asyncio.to_thread(self._get_image_embedding, img_file_path)


class Strange(BaseEmbedding):
    """A stranger's embedding, without a function of a list for queries."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return [1.0]

    _get_text_embedding = _get_query_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return [1.0]


class Lengths(BaseNodePostprocessor):
    """Scores passages by how far their length is from the question's."""

    _calls: list[Any] = PrivateAttr(default_factory=list)
    _go: Any = PrivateAttr(default_factory=threading.Event)
    _began: Any = PrivateAttr(default_factory=threading.Event)

    def score_pairs(self, pairs: list[tuple[str, str]]) -> list[float]:
        self._calls.append([asked for asked, _ in pairs])
        self._began.set()
        assert self._go.wait(10)
        return [-abs(len(asked) - len(text)) for asked, text in pairs]

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        asked = query_bundle.query_str if query_bundle else ""
        scores = self.score_pairs([(asked, node.get_content()) for node in nodes])
        scored = [NodeWithScore(node=n.node, score=score) for n, score in zip(nodes, scores, strict=True)]
        return sorted(scored, key=lambda node: -(node.score or 0.0))


@pytest.fixture
def embedder() -> Any:
    return lay(Counting(model_name="counting"), "counting", Batching())


def together(stage: Any, calls: list[Callable[[], Any]], enough: Callable[[], bool]) -> list[Any]:
    """Make one call, and while its model runs the others; then let it go on. Give results or errors."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(calls[0])]
        assert stage._began.wait(10)
        futures += [pool.submit(call) for call in calls[1:]]
        until = time.monotonic() + 10
        while not enough():
            assert time.monotonic() < until
            time.sleep(0.001)
        stage._go.set()
    return [future.exception() or future.result() for future in futures]


def in_line(stage: Any, beneath: str, number: int) -> Callable[[], bool]:
    """Say whether so many wait beneath a method."""
    cells = vars(stage)[beneath].__closure__ or ()
    (gathered,) = [cell.cell_contents for cell in cells if type(cell.cell_contents).__name__ == "Gathering"]
    return lambda: len(gathered._waiting) >= number


def test_words_of_queries_go_through_the_model_together(embedder: Any) -> None:
    ask = [lambda words=words: embedder.get_query_embedding(words) for words in ("a", "bb", "ccc", "dddd")]
    assert together(embedder, ask, in_line(embedder, "_get_query_embedding", 3)) == [[1], [2], [3], [4]]
    assert [(kind, sorted(lengths)) for kind, lengths in embedder._calls] == [("words", [1]), ("words", [2, 3, 4])]


def test_a_query_that_the_embedder_refuses_is_refused_alone(embedder: Any) -> None:
    ask = [lambda words=words: embedder.get_query_embedding(words) for words in ("a", "x" * 13, "ccc")]
    one, refused, other = together(embedder, ask, in_line(embedder, "_get_query_embedding", 2))
    assert (one, other) == ([1.0], [3.0]) and isinstance(refused, QueryError)


def test_pictures_of_queries_go_together_and_apart_from_words(embedder: Any) -> None:
    look = [lambda n=n: asyncio.run(embedder.aget_image_embedding(BytesIO(b"x" * n))) for n in (1, 2, 3)]
    found = together(embedder, look, in_line(embedder, "_get_image_embedding", 2))
    assert found == [[1], [2], [3]]
    assert [(kind, sorted(lengths)) for kind, lengths in embedder._calls] == [("pictures", [1]), ("pictures", [2, 3])]


def test_tasks_of_a_loop_go_together(embedder: Any) -> None:
    async def ask() -> Any:
        first = asyncio.create_task(embedder.aget_query_embedding("a"))
        await asyncio.to_thread(embedder._began.wait, 10)
        others = [asyncio.create_task(embedder.aget_query_embedding("b" * n)) for n in range(14, 52)]
        while not in_line(embedder, "_get_query_embedding", 32)():
            await asyncio.sleep(0.001)
        embedder._go.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(ask()) == [[n] for n in (1, *range(14, 52))]
    assert len(embedder._calls) <= 4 and max(len(lengths) for _, lengths in embedder._calls) == 32


def test_pairs_of_several_queries_go_through_a_rerankers_model_together() -> None:
    reranker: Any = lay(Lengths(), "lengths", Batching())
    nodes = [NodeWithScore(node=TextNode(text="x" * n, id_=str(n)), score=0.5) for n in range(1, 5)]
    rank = [
        lambda words=words: [n.node_id for n in asyncio.run(reranker.apostprocess_nodes(nodes, QueryBundle(words)))]
        for words in ("a", "bb", "ccc", "dddd")
    ]
    best = [order[0] for order in together(reranker, rank, in_line(reranker, "score_pairs", 3))]
    assert best == ["1", "2", "3", "4"]
    assert [len(asked) for asked in reranker._calls] == [4, 12], "passages of three queries in one call"


def test_the_stage_stays_what_it_was(embedder: Any) -> None:
    assert type(embedder) is Counting and isinstance(embedder, PictureEmbedder)
    assert lay(embedder, "counting", Batching()) is embedder
    before = vars(embedder)["_get_query_embedding"]
    assert vars(lay(embedder, "counting", Batching(most=1)))["_get_query_embedding"] is before, "laid once"


def test_a_stage_may_say_what_batching_suits_it_and_a_recipe_counts_for_more() -> None:
    class Knowing(Counting):
        usual_batching: ClassVar[Any] = {"words": {"most": 2}, "pictures": {"at_once": 3}}

    def gathers(said: Batching, beneath: str) -> Batching:
        cells = vars(lay(Knowing(model_name="knowing"), "knowing", said))[beneath].__closure__
        (gathered,) = [cell.cell_contents for cell in cells if type(cell.cell_contents).__name__ == "Gathering"]
        return gathered._options

    usual, said = Batching(), Batching(most=32, wait=0)
    assert gathers(usual, "_get_query_embedding") == Batching(most=2)
    assert gathers(usual, "_get_image_embedding") == Batching(at_once=3)
    assert gathers(said, "_get_query_embedding") == Batching(most=32, wait=0)
    assert gathers(said, "_get_image_embedding") == Batching(most=32, wait=0, at_once=3)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"words": {"most": 0}}, "has a wrong 'words.most'"),
        ({"words": {"mots": 2}}, "has a wrong 'words.mots'"),
        ({"sentences": {"most": 2}}, "has 'sentences', which is none of words, pictures, pairs"),
        ({"words": 8}, "is not a mapping"),
        (8, "is not a mapping"),
    ],
)
def test_what_a_stage_says_of_batching_and_cannot_be_is_its_plugins_mistake(said: Any, told: str) -> None:
    class Mistaken(Counting):
        usual_batching: ClassVar[Any] = said

    with pytest.raises(PluginError, match=rf"`usual_batching` of 'Mistaken' {told}"):
        lay(Mistaken(model_name="mistaken"), "mistaken", Batching())


def test_an_embedder_without_a_function_of_a_list_is_left_alone() -> None:
    strange: Any = lay(Strange(model_name="strange"), "strange", Batching())
    assert [name for name in vars(strange) if "query" in name] == []
    assert strange.get_query_embedding("a") == [1.0]


def test_every_query_keeps_a_span_of_its_own_and_the_record_says_how_many_were_together(embedder: Any) -> None:
    spans: list[tuple[str, int]] = []

    class Hearing(NullSpanHandler):
        def span_exit(self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **_: Any) -> None:
            if instance is embedder and id_.startswith("Counting.get_"):
                spans.append((bound_args.arguments["query"], batch_size.get()))

    def ask(words: str) -> dict[str, Any]:
        record = Record()
        with record.stage("retriever", "toy"):
            embedder.get_query_embedding(words)
        return dict(record.stages[0].facts)

    hearing, root = Hearing(), get_dispatcher()
    root.add_span_handler(hearing)
    try:
        facts = together(
            embedder,
            [lambda words=words: ask(words) for words in ("a", "bb", "ccc")],
            in_line(embedder, "_get_query_embedding", 2),
        )
    finally:
        root.span_handlers = [known for known in root.span_handlers if known is not hearing]
    assert sorted(spans) == [("a", 1), ("bb", 2), ("ccc", 2)]
    assert facts == [{}, {"batch of counting": 2}, {"batch of counting": 2}]


# Ingestion beside queries.


def test_a_batch_of_an_ingest_goes_straight_through_and_waits_for_the_queries_that_are_there(embedder: Any) -> None:
    with ThreadPoolExecutor(3) as pool:
        query = pool.submit(embedder.get_query_embedding, "a")
        assert embedder._began.wait(10)
        texts = pool.submit(embedder.get_text_embedding_batch, ["aa", "bbb"])
        time.sleep(0.05)
        assert [kind for kind, _ in embedder._calls] == ["words"]
        embedder._go.set()
        assert (query.result(), texts.result()) == ([1.0], [[2.0], [3.0]])
    assert embedder._calls == [("words", [1]), ("texts", [2, 3])]


def test_no_query_waits_for_an_ingest(embedder: Any) -> None:
    with ThreadPoolExecutor(2) as pool:
        texts = pool.submit(embedder.get_text_embedding_batch, ["aa"])
        assert embedder._began.wait(10)
        embedder._began.clear()
        query = pool.submit(embedder.get_query_embedding, "a")
        assert embedder._began.wait(10), "its model runs beside the ingest's"
        embedder._go.set()
        assert (query.result(), texts.result()) == ([1.0], [[2.0]])


def test_a_lone_picture_whose_embedder_goes_through_its_own_function_of_a_list_waits_for_nobody(embedder: Any) -> None:
    embedder._go.set()
    assert embedder.get_image_embedding(BytesIO(b"xx")) == [2.0]
    assert embedder.get_image_embedding_batch([BytesIO(b"xx"), BytesIO(b"x")]) == [[2.0], [1.0]]


def test_an_ingest_goes_on_however_many_queries_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagora_batching.turns.PATIENCE", 0.01)
    turns = Turns(1)
    with turns.query(), turns.ingest():
        pass


@pytest.mark.parametrize("at_once", [1, 2])
def test_only_so_many_batches_of_an_ingest_run_at_once(at_once: int) -> None:
    turns, lock = Turns(at_once), threading.Lock()
    running, most = 0, 0
    meet = threading.Barrier(at_once)

    def batch(_: int) -> None:
        nonlocal running, most
        with turns.ingest():
            with lock:
                running += 1
                most = max(most, running)
            meet.wait(10)
            with lock:
                running -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(batch, range(4)))
    assert most == at_once


# In a recipe.


def embedders(image: Any, **rest: Any) -> dict[str, Any]:
    return recipe_of(embedders={"image": {"use": "toy_colour", **image}, "sparse": {"use": "toy_words"}, **rest})


def test_embedders_and_rerankers_are_batched_unless_a_recipe_says_otherwise(tmp_path: Path) -> None:
    said = embedders({"batching": {"wait": 0.05, "most": 8}}, text={"use": "toy_colour", "batching": "off"})
    plan = check(write(tmp_path, {**said, "rerankers": [{"use": "toy_reverse"}]}), CATALOG)
    assert plan.embedders["image"].batching == Batching(wait=0.05, most=8)
    assert plan.embedders["text"].batching is None
    assert [one.batching for one in plan.rerankers] == [plan.embedders["sparse"].batching] == [Batching()]
    assert plan.retriever is not None and plan.retriever.batching is None


@pytest.mark.parametrize(
    ("batching", "wrong"),
    [
        ({"wiat": 1}, "embedders.image.batching.wiat: there is no option 'wiat'; did you mean 'wait'"),
        ({"most": 0}, "embedders.image.batching.most: input should be greater than or equal to 1, and it is '0'"),
        ("on", "embedders.image.batching: must be 'off' or a mapping, e.g. {wait: 0.01, most: 32}"),
    ],
)
def test_what_is_wrong_with_batching_is_told_at_its_place(tmp_path: Path, batching: Any, wrong: str) -> None:
    (said,) = problems(write(tmp_path, embedders({"batching": batching})))
    assert wrong in said


def test_off_leaves_a_stage_as_it_is_built(tmp_path: Path) -> None:
    apart, batched = (built(tmp_path, embedders(said)) for said in ({"batching": "off"}, {}))
    one, other = (vars(pipeline.stages.embedders["image"]) for pipeline in (apart, batched))
    assert set(other) - set(one) == {"_imagora_laid"}, "it has no function of a list either"


def test_what_is_said_of_batching_makes_no_other_recipe(tmp_path: Path) -> None:
    one, other = (
        check(write(tmp_path, embedders(said)), CATALOG) for said in ({"batching": "off"}, {"batching": {"most": 4}})
    )
    assert one.hash == other.hash and one.embedders["image"] != other.embedders["image"]
    (change,) = changes(said_by(one), said_by(other))
    assert change.place == "embedders.image.batching"
    assert costed([change], Parts(one), Parts(other))[0].cost == "online"


def test_calls_of_an_isolated_embedder_meet_in_its_own_process() -> None:
    said = {"use": "starter", "isolate": "process", "python": sys.executable, "batching": {"most": 4}}
    component = planned("embedder", said)
    assert component.isolation is not None and component.isolation.batching == component.batching == Batching(most=4)
    stage = build(component, BuildContext("r"))
    try:
        with ThreadPoolExecutor(8) as pool:
            words = [f"{n} red boats" for n in range(16)]
            near = zip(pool.map(stage.get_query_embedding, words), map(stage.get_query_embedding, words), strict=True)
            assert all(one == pytest.approx(other, abs=1e-5) for one, other in near)
    finally:
        stage.close()
