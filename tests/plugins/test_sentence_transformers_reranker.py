"""What `cross_encoder` does with passages of every sort, on a real cross-encoder made at test time."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from imagora import Passage, Picture, Query
from imagora.errors import StageError
from imagora.testing import RerankerContract, golden
from imagora_sentence_transformers.options import CrossEncoderOptions
from imagora_sentence_transformers.reranker import CrossEncoderReranker
from imagora_sentence_transformers.words import blended, by_score, words_of
from llama_index.core.schema import ImageNode, MediaResource, Node, NodeWithScore, QueryBundle, TextNode

from .cross_encoder_folder import cross_encoder_folder  # noqa: F401 - a fixture

# ruff: noqa: F811 - a fixture is imported and then named as an argument


@pytest.fixture(scope="session")
def reranker(cross_encoder_folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(CrossEncoderOptions(model=str(cross_encoder_folder), device="cpu"))


def passage(name: str, text: str = "", score: float | None = 0.5, **metadata: Any) -> Passage:
    node = Node(
        id_=name,
        text_resource=MediaResource(text=text) if text else None,
        image_resource=MediaResource(path=Path(f"{name}.png")),
        metadata=metadata,
    )
    return Passage(node=node, score=score, scores={} if score is None else {"image": score})


def picture(name: str, score: float | None = 0.5) -> Passage:
    return passage(name, score=score)


def names(passages: Iterable[NodeWithScore]) -> list[str]:
    return [found.node_id for found in passages]


MIXED = [
    picture("p1", 0.9),
    passage("lamp", "a drawing of a lamp", 0.8),
    passage("camel", "a drawing of a camel", 0.7),
    picture("p2", None),
    passage("guitar", "a drawing of a guitar", None),
]


class TestReranker(RerankerContract):
    @pytest.fixture
    def stage(self, reranker: CrossEncoderReranker) -> CrossEncoderReranker:
        return reranker

    def test_its_scores_are_best_first(self, stage: Any, nodes: list[Passage]) -> None:
        """Of passages with words; a picture without words stays where its own score, on another scale, has put it."""
        scores = [node.score for node in self.rank(stage, nodes) if "cross_encoder" in node.scores]
        assert len(scores) == 6
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("noun", ["lamp", "camel", "guitar"])
def test_the_passage_with_the_querys_word_comes_first_of_those_with_words(
    reranker: CrossEncoderReranker, noun: str
) -> None:
    ranked = reranker.postprocess_nodes(MIXED, QueryBundle(f"a {noun}"))
    assert names(ranked)[1] == noun


def test_pictures_without_words_keep_place_and_score(reranker: CrossEncoderReranker) -> None:
    ranked = reranker.postprocess_nodes(MIXED, QueryBundle("a guitar"))
    assert [ranked[0], ranked[3]] == [MIXED[0], MIXED[3]]
    assert sorted(names(ranked)) == sorted(names(MIXED))


def test_scores_stay_on_their_own_passages(reranker: CrossEncoderReranker) -> None:
    alone = {
        node.node_id: reranker.postprocess_nodes([node], QueryBundle("a guitar"))[0].score
        for node in MIXED
        if words_of(node)
    }
    for found in reranker.postprocess_nodes(MIXED, QueryBundle("a guitar")):
        if found.node_id in alone:
            assert found.score == pytest.approx(alone[found.node_id], abs=1e-4)
            assert found.scores["cross_encoder"] == found.score
        else:
            assert "cross_encoder" not in found.scores


def test_a_leg_score_is_still_there_after_reranking(reranker: CrossEncoderReranker) -> None:
    found = reranker.postprocess_nodes(MIXED[1:2], QueryBundle("a lamp"))[0]
    assert found.scores["image"] == 0.8
    assert MIXED[1].scores == {"image": 0.8} and MIXED[1].score == 0.8, "what came in is not changed"


def test_title_caption_and_ocr_text_are_words(reranker: CrossEncoderReranker) -> None:
    nodes = [
        passage("tower", "a drawing of a tower"),
        passage("by title", title="a drawing of a camel"),
        passage("by caption", caption="a drawing of a guitar"),
        passage("by ocr", ocr_text="a drawing of a lamp"),
    ]
    for noun, name in [("camel", "by title"), ("guitar", "by caption"), ("lamp", "by ocr")]:
        assert names(reranker.postprocess_nodes(nodes, QueryBundle(f"a {noun}")))[0] == name


def test_words_that_are_there_twice_are_said_once() -> None:
    node = passage("a", "A lamp", title="Lamp", caption=" A lamp ", ocr_text="", year=3)
    assert words_of(node) == "Lamp\nA lamp"


def test_all_pairs_go_through_the_model_in_one_call(
    reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reranker._lock:
        model = reranker._loaded()
    calls = []
    whole = model.predict
    monkeypatch.setattr(model, "predict", lambda pairs, **more: calls.append(len(pairs)) or whole(pairs, **more))
    reranker.postprocess_nodes(MIXED, QueryBundle("a guitar"))
    assert calls == [3]


def test_equal_scores_keep_their_order(reranker: CrossEncoderReranker) -> None:
    nodes = [passage(str(number), "a drawing of a lamp", number / 10) for number in range(5)]
    assert names(reranker.postprocess_nodes(nodes, QueryBundle("a lamp"))) == ["0", "1", "2", "3", "4"]


def test_the_order_is_among_the_places_that_were_held() -> None:
    assert by_score("abcdef", {1: 0.1, 2: 0.9, 5: 0.5}) == ["a", "c", "f", "d", "e", "b"]
    assert by_score("abc", {}) == ["a", "b", "c"]
    assert by_score("abc", {0: 0.5, 1: 0.5, 2: 0.5}) == ["a", "b", "c"]


def test_new_scores_are_blended_with_those_that_passages_came_with(
    cross_encoder_folder: Path, reranker: CrossEncoderReranker
) -> None:
    options = CrossEncoderOptions(model=str(cross_encoder_folder), device="cpu", weight=0.5)
    said: Any = {found.node_id: found.score for found in reranker.postprocess_nodes(MIXED, QueryBundle("a camel"))}
    half: Any = CrossEncoderReranker(options).postprocess_nodes(MIXED, QueryBundle("a camel"))
    worded = {place: node for place, node in enumerate(MIXED) if words_of(node)}
    came = {place: node.score for place, node in worded.items()}
    wanted = blended({place: said[node.node_id] for place, node in worded.items()}, came, 0.5)
    by_name = {node.node_id: wanted[place] for place, node in worded.items()}
    assert {found.node_id: found.score for found in half if words_of(found)} == pytest.approx(by_name, abs=1e-3)
    assert [name for name in names(half) if name in by_name] == sorted(by_name, key=lambda name: -by_name[name])
    assert [half[0], half[3]] == [MIXED[0], MIXED[3]]


def test_blended_scores_are_standardised_and_what_had_none_is_average() -> None:
    assert blended({0: 3.0, 1: 1.0}, {0: 10.0, 1: 20.0}, 0.5) == {0: 0.0, 1: 0.0}
    assert blended({0: 3.0, 1: 1.0}, {0: None, 1: 20.0}, 0.25) == {0: 0.25, 1: -0.25}
    assert blended({0: 3.0, 4: 3.0}, {}, 0.9) == {0: 0.0, 4: 0.0}
    assert blended({0: 3.0}, {0: 1.0}, 1.0) == {0: 3.0} and blended({}, {}, 0.5) == {}


def test_keep_counts_after_reordering(cross_encoder_folder: Path, reranker: CrossEncoderReranker) -> None:
    two = CrossEncoderReranker(CrossEncoderOptions(model=str(cross_encoder_folder), keep=2))
    two._model = reranker._model
    nodes = [node for node in MIXED if words_of(node)]
    assert names(two.postprocess_nodes(nodes, QueryBundle("a guitar")))[0] == "guitar"
    assert len(two.postprocess_nodes(nodes, QueryBundle("a guitar"))) == 2
    assert len(two.postprocess_nodes(MIXED, QueryBundle(" "))) == 2


@pytest.mark.parametrize("bundle", [None, QueryBundle(""), QueryBundle("  \n")])
def test_a_query_without_words_keeps_the_order_and_says_so(
    reranker: CrossEncoderReranker, caplog: pytest.LogCaptureFixture, bundle: QueryBundle | None
) -> None:
    with caplog.at_level(logging.INFO, "imagora_sentence_transformers"):
        assert reranker.postprocess_nodes(MIXED, bundle) == MIXED
    assert "the query has no words" in caplog.text


def test_a_picture_in_the_query_does_not_keep_words_from_being_read(reranker: CrossEncoderReranker) -> None:
    pictures = (golden.picture_of("red circle"),)
    both = reranker.postprocess_nodes(MIXED, Query("a guitar", pictures=pictures))
    assert both == reranker.postprocess_nodes(MIXED, Query("a guitar")) and names(both)[1] == "guitar"
    assert reranker.postprocess_nodes(MIXED, Query("", pictures=pictures)) == MIXED


def test_what_the_query_is_not_about_comes_down(reranker: CrossEncoderReranker) -> None:
    nodes = [passage("both", "a drawing of a lamp and a camel"), passage("lamp", "a drawing of a lamp")]
    asked = Query("a lamp", negative="a camel")
    plain, found = (reranker.postprocess_nodes(nodes, query) for query in (Query("a lamp"), asked))
    score, other = ({node.node_id: node.score or 0.0 for node in ranked} for ranked in (plain, found))
    assert names(found) == ["lamp", "both"]
    assert score["both"] - other["both"] > 2 * (score["lamp"] - other["lamp"]) >= 0


def test_a_query_of_pictures_is_asked_with_what_is_read_in_them(reranker: CrossEncoderReranker) -> None:
    shown = Picture(b"png", 1, 1, "0" * 64, "PNG 1x1")
    query = Query("", pictures=(shown,), picture_words=("a guitar",))
    assert names(reranker.postprocess_nodes(MIXED, query)) == names(
        reranker.postprocess_nodes(MIXED, QueryBundle("a guitar"))
    )
    assert names(reranker.postprocess_nodes(MIXED, Query("", pictures=(shown,)))) == names(MIXED)


def test_llamaindex_nodes_of_every_sort_are_taken(reranker: CrossEncoderReranker) -> None:
    nodes = [
        NodeWithScore(node=ImageNode(id_="picture", image_path="gone.png"), score=None),
        NodeWithScore(node=TextNode(id_="camel", text="a drawing of a camel")),
        NodeWithScore(node=ImageNode(id_="lamp", text="a drawing of a lamp", image_path="gone.png"), score=0.1),
    ]
    ranked = reranker.postprocess_nodes(nodes, Query("a lamp"))
    assert names(ranked) == ["picture", "lamp", "camel"]
    assert ranked[0].score is None
    assert reranker.postprocess_nodes([], Query("a lamp")) == []
    assert reranker.postprocess_nodes(nodes[:1], Query("a lamp")) == nodes[:1]


def test_a_passage_that_is_an_address_is_only_words(reranker: CrossEncoderReranker) -> None:
    nodes = [passage("1", "https://127.0.0.1:9/cat.png"), passage("2", "cat.png"), passage("3", "a lamp")]
    assert len(reranker.postprocess_nodes(nodes, QueryBundle("https://127.0.0.1:9/dog.png"))) == 3


def test_queries_at_once_get_what_one_gets(reranker: CrossEncoderReranker) -> None:
    async def rank(nouns: list[str]) -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(reranker.apostprocess_nodes(MIXED, Query(f"a {noun}")) for noun in nouns))

    nouns = ["lamp", "camel", "guitar"] * 3
    together = asyncio.run(rank(nouns))
    assert together == [reranker.postprocess_nodes(MIXED, Query(f"a {noun}")) for noun in nouns]


def test_max_length_bounds_what_is_read(cross_encoder_folder: Path) -> None:
    short = CrossEncoderReranker(CrossEncoderOptions(model=str(cross_encoder_folder), max_length=12))
    texts = ["one two three four five six seven eight nine ten " + end for end in ("lamp", "camel")]
    ranked = short.postprocess_nodes([passage(text, text) for text in texts], QueryBundle("a lamp"))
    assert ranked[0].score == pytest.approx(ranked[1].score, abs=1e-5)


def test_a_model_that_is_no_reranker_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="'cross_encoder' finds no model in"):
        CrossEncoderReranker(CrossEncoderOptions(model=str(tmp_path))).postprocess_nodes(MIXED, QueryBundle("a lamp"))


def test_a_model_on_the_hub_that_cannot_be_reached_says_what_to_do() -> None:
    far = CrossEncoderReranker(CrossEncoderOptions(model="cross-encoder/ms-marco-MiniLM-L12-v2"))
    with pytest.raises(StageError, match="from the model hub.*'model: PATH'"):
        far.postprocess_nodes(MIXED, QueryBundle("a lamp"))
    assert far.postprocess_nodes(MIXED[:1], QueryBundle("a lamp")) == MIXED[:1], "no words, so no model is needed"
