"""The road of a query through toys: what comes back, in which order, with which scores, and what fails how."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora import Answer, Picture, Pipeline, Query
from imagora.answer import Passage
from imagora.errors import IndexMissing, QueryError, StageError
from imagora.filters import Eq, Range
from imagora.passages import passage_of
from imagora.prompt import build_prompt
from imagora.record import note
from imagora.stages import Hit
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MediaResource, Node, NodeWithScore, QueryBundle, TextNode
from toy_recipes import built, recipe_of
from toy_stages import square


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with built(tmp_path) as pipeline:
        pipeline.ingest()
        yield pipeline


def picture(colour: str) -> Picture:
    return Picture(square(colour), 32, 32, "0" * 64, "PNG 32x32")


def uris(passages: Sequence[Passage]) -> list[str]:
    return [passage.node.metadata["uri"] for passage in passages]


def with_stages(pipeline: Pipeline, **stages: Any) -> Pipeline:
    return Pipeline(pipeline.plan, replace(pipeline.stages, **stages))


def test_words_find_what_they_say(pipeline: Pipeline) -> None:
    found = pipeline.search("blue waves")
    assert uris(found.passages)[0] == "sea"
    assert set(found.passages[0].scores) == {"image", "sparse"}
    assert found.passages[0].scores["sparse"] == 2.0


def test_a_picture_finds_what_shows_the_same(pipeline: Pipeline) -> None:
    found = pipeline.search(pictures=[picture("yellow")])
    assert uris(found.passages)[0] == "lemon"
    assert found.passages[0].scores == {"picture 1": pytest.approx(1.0, abs=1e-6)}


def test_words_and_pictures_are_searched_together(pipeline: Pipeline) -> None:
    found = pipeline.search("rose", pictures=[picture("red"), picture("blue")])
    assert set(uris(found.passages)[:2]) == {"rose", "sea"}
    assert set(found.passages[0].scores) == {"image", "sparse", "picture 1", "picture 2"}


def test_a_picture_may_be_a_file_or_bytes(pipeline: Pipeline, tmp_path: Path) -> None:
    (file := tmp_path / "blue.png").write_bytes(square("blue"))
    for given in (file, str(file), square("blue"), picture("blue")):
        assert uris(pipeline.search(pictures=[given]).passages)[0] == "sea"


def test_a_searchs_pictures_are_not_compressed_for_embedders_and_an_answers_are(pipeline: Pipeline) -> None:
    class Spy:
        def __init__(self) -> None:
            self.bytes: list[int] = []

        async def _seen(self, query: Query, inner: Any) -> Any:
            self.bytes += [len(one.png) for one in query.pictures]
            return await inner(query)

        answer = search = _seen

    spy = Spy()
    spied = with_stages(pipeline, wrappers=(("spy", spy),))
    try:
        found, answer = spied.search(pictures=[square("blue")]), spied.ask("sea", pictures=[square("blue")])
    finally:
        spied.close()
    assert uris(found.passages)[0] == uris(answer.passages)[0] == "sea"
    assert spy.bytes[0] >= 3 * 32 * 32 > spy.bytes[1]


def test_a_filter_holds_for_every_passage(pipeline: Pipeline) -> None:
    assert uris(pipeline.search("rose", filter=Range("price", gte=5)).passages) == ["rose"]
    assert uris(pipeline.search("rose", filter=Eq("tags", "w")).passages) == ["sea"]
    assert pipeline.search("rose", filter=Eq("price", "5")).passages == ()


def test_top_k_is_how_many_passages_come_back(pipeline: Pipeline) -> None:
    assert len(pipeline.search("rose").passages) == 4
    assert len(pipeline.search("rose", top_k=2).passages) == 2
    assert pipeline.search("rose", top_k=1).passages[0].node_id == pipeline.search("rose").passages[0].node_id


def test_rerankers_choose_among_all_that_the_recipe_retrieves(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(rerankers=[{"use": "toy_reverse"}])) as pipeline:
        pipeline.ingest()
        worst = uris(pipeline.search("rose").passages)[0]
        assert uris(pipeline.search("rose", top_k=1).passages) == [worst]


@pytest.mark.parametrize("words", ["", "  ", "\n"])
def test_a_query_with_neither_words_nor_picture_is_refused(words: str, pipeline: Pipeline) -> None:
    for ask in (pipeline.ask, pipeline.search):
        with pytest.raises(QueryError, match="a query needs words or a picture, and this one has neither"):
            ask(words)


@pytest.mark.parametrize("top_k", [0, -3])
def test_fewer_than_one_passage_is_refused(top_k: int, pipeline: Pipeline) -> None:
    with pytest.raises(QueryError, match=f"must be at least 1, and it is {top_k}"):
        pipeline.search("rose", top_k=top_k)


def test_an_answer_cites_the_passage_that_it_quotes(pipeline: Pipeline) -> None:
    answer = pipeline.ask("a red rose")
    (citation,) = answer.citations
    assert answer.text == "A red rose in a vase. [1]"
    assert answer.text[citation.start : citation.end] == "[1]"
    assert (citation.number, citation.uri, citation.title) == (1, "rose", "a rose")
    assert citation.item_id == answer.passages[0].node_id
    assert (answer.recipe, answer.recipe_hash) == ("toys", pipeline.plan.hash)
    assert [record.stage for record in answer.stages] == ["retriever", "prompt", "generator"]
    assert all(record.seconds >= 0 for record in answer.stages)


def test_an_answer_is_json(pipeline: Pipeline) -> None:
    told = json.loads(json.dumps(pipeline.ask("a red rose").to_dict(), allow_nan=False))
    assert told["citations"][0]["uri"] == "rose"
    assert told["passages"][0]["metadata"]["price"] == 5


def test_nothing_in_the_index_gives_an_answer_without_citations(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(items=[{"uri": "a", "text": "a"}])) as pipeline:
        pipeline.ingest()
        answer = pipeline.ask("a", filter=Eq("price", 1))
    assert (answer.text, answer.citations, answer.passages) == ("nothing in the index answers this", (), ())


def test_the_prompt_shows_at_most_what_the_recipe_says(tmp_path: Path) -> None:
    recipe = recipe_of(prompt={"passages": 1}, generator={"use": "toy_quote", "passage": 2})
    with built(tmp_path, recipe) as pipeline:
        pipeline.ingest()
        answer = pipeline.ask("rose")
    assert answer.text == "nothing in the index answers this"
    assert len(answer.passages) == 4


def test_a_recipe_without_a_generator_searches_and_does_not_answer(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(generator=None)) as pipeline:
        pipeline.ingest()
        assert len(pipeline.search("rose").passages) == 4
        with pytest.raises(QueryError, match="the recipe 'toys' has no generator: search with it, or add one to it"):
            pipeline.ask("rose")


def test_a_recipe_without_a_retriever_answers_from_nothing(tmp_path: Path) -> None:
    recipe = {"recipe": 1, "generator": {"use": "toy_quote"}}
    with built(tmp_path, recipe) as pipeline:
        assert pipeline.ask("rose").text == "nothing in the index answers this"
        assert pipeline.search("rose").passages == ()


def test_an_index_that_was_never_filled_is_told(tmp_path: Path) -> None:
    with (
        built(tmp_path, recipe_of(index={"use": "toy_memory", "path": "index.json"})) as pipeline,
        pytest.raises(IndexMissing, match="there is no index at"),
    ):
        pipeline.search("rose")


def test_a_pipeline_that_was_closed_can_be_used_again(tmp_path: Path) -> None:
    recipe = recipe_of(index={"use": "toy_memory", "path": "index.json"})
    pipeline = built(tmp_path, recipe)
    pipeline.ingest()
    first = pipeline.ask("rose", pictures=[square("red")]).text
    for _ in range(3):
        pipeline.close()
        assert pipeline.ask("rose", pictures=[square("red")]).text == first
    pipeline.close()
    pipeline.close()
    with built(tmp_path, recipe) as another:
        assert another.ask("rose", pictures=[square("red")]).text == first


# Strangers' stages -------------------------------------------------------------------------------------------------


class Stranger:
    """A retriever that gives LlamaIndex's own nodes, one of them twice."""

    def __init__(self, *names: str) -> None:
        self.nodes = [NodeWithScore(node=TextNode(id_=name, text=name), score=float(n)) for n, name in enumerate(names)]

    async def aretrieve(self, query: Query) -> list[NodeWithScore]:
        return self.nodes


def test_no_passage_comes_twice(pipeline: Pipeline) -> None:
    stranger = with_stages(pipeline, retriever=("stranger", Stranger("a", "b", "a", "c", "b")))
    found = stranger.search("x")
    assert [passage.node_id for passage in found.passages] == ["a", "b", "c"]
    assert [passage.score for passage in found.passages] == [0.0, 1.0, 3.0]
    assert all(isinstance(passage, Passage) for passage in found.passages)


class PlainNodes(BaseNodePostprocessor):
    """Gives plain nodes back, in another order, with NumPy's numbers as scores."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        made = [NodeWithScore(node=node.node, score=0.0) for node in nodes]
        for place, node in enumerate(made):
            node.score = np.float32(place)  # type: ignore[assignment]  # as rerankers do it
        return [*reversed(made), made[0]]


class InPlace(BaseNodePostprocessor):
    """Writes its scores into the nodes that it was given."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        for place, node in enumerate(nodes):
            node.score = 100.0 + place
        return nodes[::-1]


@pytest.mark.parametrize("reranker", [PlainNodes(), InPlace()])
def test_a_strangers_reranker_keeps_the_legs_scores_on_their_own_nodes(
    reranker: BaseNodePostprocessor, pipeline: Pipeline
) -> None:
    before = {passage.node_id: passage for passage in pipeline.search("blue rose").passages}
    found = with_stages(pipeline, rerankers=[("strange", reranker)]).search("blue rose").passages
    assert [p.node_id for p in found] == list(reversed(before))
    for place, passage in enumerate(reversed(found)):
        legs = {leg: score for leg, score in passage.scores.items() if leg != "strange"}
        assert legs == before[passage.node_id].scores
        assert passage.score == passage.scores["strange"] == place + (100 if isinstance(reranker, InPlace) else 0)
        assert type(passage.score) is float
    json.dumps(with_stages(pipeline, rerankers=[("strange", reranker)]).ask("rose").to_dict())


def test_rerankers_run_in_the_recipes_order(tmp_path: Path) -> None:
    rerankers = [{"use": "toy_reverse", "keep": 3}, {"use": "toy_reverse", "keep": 2}]
    recipe = recipe_of(rerankers=rerankers, retriever={"use": "toy_retriever", "fusion": "weighted"})
    with built(tmp_path, recipe) as pipeline:
        pipeline.ingest()
        found = pipeline.search("blue rose")
        plain = with_stages(pipeline, rerankers=[]).search("blue rose")
    assert [p.node_id for p in found.passages] == [p.node_id for p in plain.passages][1:3]
    records = [(record.stage, record.component, record.facts["passages"]) for record in found.stages]
    assert records == [
        ("retriever", "toy_retriever", 4),
        ("reranker", "toy_reverse", 3),
        ("reranker", "toy_reverse", 2),
    ]


class Says:
    """A generator that says what it is told to."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        note(model="says", passages_seen=str(messages[-1].content).count("\n["))
        return ChatResponse(message=ChatMessage(role="assistant", content=self.text))


def test_markers_of_no_passage_are_taken_out_and_recorded(pipeline: Pipeline) -> None:
    said = "Red [1], blue [2][7] and [0] grey [99] things [1]. [5]"
    answer = with_stages(pipeline, generator=("says", Says(said))).ask("rose")
    assert answer.text == "Red [1], blue [2] and grey things [1]."
    assert answer.unknown_markers == (7, 0, 99, 5)
    assert [c.number for c in answer.citations] == [1, 2, 1]
    assert [answer.text[c.start : c.end] for c in answer.citations] == ["[1]", "[2]", "[1]"]
    assert answer.stages[-1].facts["model"] == "says"
    assert answer.stages[-1].facts["passages_seen"] == 4


class Fails:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def fail(self, *_: Any, **__: Any) -> Any:
        raise self.error

    aretrieve = apostprocess_nodes = achat = acheck = answer = fail


def test_a_stage_that_fails_is_named(pipeline: Pipeline) -> None:
    broken = Fails(ZeroDivisionError("oh"))
    for stages, said in (
        ({"retriever": ("r", broken)}, "the retriever 'r' failed: ZeroDivisionError: oh"),
        ({"rerankers": [("k", broken)]}, "the reranker 'k' failed: ZeroDivisionError: oh"),
        ({"generator": ("g", broken)}, "the generator 'g' failed: ZeroDivisionError: oh"),
    ):
        with pytest.raises(StageError) as caught:
            with_stages(pipeline, **stages).ask("rose")
        assert str(caught.value) == said
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_that_is_for_the_user_stays_as_it_is(pipeline: Pipeline) -> None:
    with pytest.raises(QueryError, match="^not so$"):
        with_stages(pipeline, retriever=("r", Fails(QueryError("not so")))).ask("rose")


class Tells:
    """A wrapper that writes down when it is passed, and may answer itself."""

    def __init__(self, name: str, log: list[str], own: Answer | None = None) -> None:
        self.name, self.log, self.own = name, log, own

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        self.log.append(f"{self.name} in")
        answer = self.own or await inner(replace(query, query_str=query.query_str + self.name))
        self.log.append(f"{self.name} out")
        return answer


def test_the_recipes_first_wrapper_is_outermost(pipeline: Pipeline) -> None:
    log: list[str] = []
    wrapped = with_stages(pipeline, wrappers=[("a", Tells("a", log)), ("b", Tells("b", log))])
    assert wrapped.ask("rose").citations
    assert log == ["a in", "b in", "b out", "a out"]
    mine = Answer("mine", (), (), ())
    wrapped = with_stages(pipeline, wrappers=[("a", Tells("a", log, mine)), ("b", Tells("b", log))])
    assert wrapped.ask("rose") is mine
    assert log[4:] == ["a in", "a out"]


def test_wrappers_of_one_component_count_on_their_own(tmp_path: Path) -> None:
    recipe = recipe_of(wrappers=[{"use": "toy_counter", "label": "x"}, {"use": "toy_counter"}])
    with built(tmp_path, recipe) as pipeline:
        pipeline.ingest()
        pipeline.ask("rose")
        counters: Any = [stage for _, stage in pipeline.stages.wrappers]
        assert [(counter.queries, counter.failures) for counter in counters] == [(1, 0), (1, 0)]
        asyncio.run(counters[0].answer(Query("rose"), pipeline.answer))
        assert [counter.queries for counter in counters] == [3, 2]


def test_what_preparers_read_in_a_picture_is_part_of_its_passage() -> None:
    payload = {
        "_uri": "sign.png",
        "title": "A sign",
        "_text": "On a door.",
        "caption": "a green sign",
        "ocr_text": "EXIT",
    }
    passage = passage_of(Hit("1", 0.5, {}, payload))
    assert passage.get_content() == "On a door.\na green sign\nEXIT"
    assert "EXIT" in str(build_prompt(Query("exit"), [passage], "answer")[1].content)


def test_a_node_that_is_made_fast_is_the_same_and_shares_nothing_with_others() -> None:
    payload = {"_uri": "a", "_text": "words", "_picture": "things/chair.jpg", "year": 1921}
    made, other = (passage_of(Hit("1", 0.5, {"text": 0.5}, payload)).node for _ in range(2))
    slow = Node(
        id_="1",
        text_resource=MediaResource(text="words"),
        image_resource=MediaResource(path=Path("things/chair.jpg"), mimetype="image/jpeg"),
        extra_info={"year": 1921, "uri": "a"},
    )
    assert made == slow and repr(made) == repr(slow) and made.to_dict() == slow.to_dict() and made.hash == slow.hash
    assert made.model_fields_set == slow.model_fields_set
    assert made.model_dump(exclude_unset=True) == slow.model_dump(exclude_unset=True)
    assert pickle.loads(pickle.dumps(made)) == made.model_copy(deep=True) == slow
    made.excluded_llm_metadata_keys.append("year")
    made.metadata["year"] = 0
    assert other == slow and passage_of(Hit("1", 0.5, {}, payload)).node == slow


def test_a_passage_that_is_made_fast_is_the_same() -> None:
    node = TextNode(text="a chair")
    slow, fast = Passage(node=node, score=0.5, scores={"text": 0.5}), Passage.of(node, 0.5, {"text": 0.5})
    assert fast == slow and repr(fast) == repr(slow) and fast.model_dump() == slow.model_dump()
    assert fast.model_copy() == pickle.loads(pickle.dumps(fast)) == slow
    fast._uri = "a.png"
    assert (fast.uri, slow.uri) == ("a.png", "")
