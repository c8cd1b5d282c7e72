"""A run: the suite's corpus in an index of its own, every query asked and scored, and none lost by Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import IndexMissing, QueryError, StageError
from imagora_evals import running
from imagora_evals.laying import How, opened
from imagora_evals.results import EvalRun
from imagora_evals.running import run_suite
from imagora_evals.suites import find_suite

from .eval_toys import written


def test_every_query_is_asked_and_scored(recipe: Path, suite_folder: Path) -> None:
    run = run_suite(recipe, find_suite(suite_folder))
    by_id = {result.id: result for result in run.results}
    assert list(by_id) == ["red", "note", "rot", "picture", "none"]
    assert by_id["red"].ranking[0][0] == "red.png"
    assert by_id["red"].metrics["RR"] == 1.0
    assert by_id["picture"].ranking[0][0] == "blue.png"
    assert by_id["note"].cited == ["note.txt"]
    assert by_id["note"].metrics["citation_precision"] == by_id["note"].metrics["citation_recall"] == 1.0
    assert by_id["note"].metrics["groundedness"] == 1.0
    assert by_id["red"].metrics["answer_similarity"] == pytest.approx(1.0)
    assert "RR" not in by_id["none"].metrics
    assert by_id["none"].metrics["right_refusal"] == by_id["none"].metrics["refused"]
    assert {"retriever toy_retriever", "generator toy_quote", "total"} <= set(by_id["red"].seconds)
    assert (run.recipe, run.suite, run.part, run.answered, run.generation) == ("toys", "shop", "", True, 1)
    assert run.versions["imagora-toys"] == "0.1"
    assert EvalRun.from_json(run.to_json()) == EvalRun.from_json(EvalRun.from_json(run.to_json()).to_json())


def test_clipscore_is_two_and_a_half_cosines_of_the_words_and_the_first_picture(
    recipe: Path, suite_folder: Path
) -> None:
    run = run_suite(recipe, find_suite(suite_folder), How(search_only=True))
    # The toy's vectors: the colour's place has 1 and the last place 0.01, in the words and in the picture.
    assert run.metric("clipscore")["red"] == pytest.approx(2.5, rel=1e-3)
    assert 0 <= run.metric("clipscore")["note"] < 0.01  # a word that is no colour, and a red square
    assert "picture" not in run.metric("clipscore")
    assert not run.answered
    assert "groundedness" not in run.names()


def test_the_corpus_is_in_an_index_of_its_own_and_embedded_once(recipe: Path, suite_folder: Path) -> None:
    suite = find_suite(suite_folder)
    embedded = []
    for _ in range(2):
        with opened(recipe, suite, How()) as there:
            assert there.report is not None
            embedded.append(there.report.embedded)
    assert embedded == [4, 0]
    assert not Path("index.json").exists()
    # Another generator embeds nothing anew, another embedder does.
    for sections, expected in (
        ({"generator": {"use": "toy_quote", "passage": 2}}, 0),
        ({"embedders": {"image": {"use": "toy_colour", "weights": "2"}}}, 3),
    ):
        with opened(written(sections, "other.yaml"), suite, How()) as there:
            assert there.report is not None
            assert there.report.embedded == expected


def test_the_recipes_own_index_is_asked_where_nothing_is_to_be_ingested(recipe: Path, suite_folder: Path) -> None:
    suite = find_suite(suite_folder)
    with pytest.raises(IndexMissing):
        run_suite(recipe, suite, How(ingest=False))
    with opened(written({"source": {"use": "folder", "path": "shop/corpus"}}), suite, How(ingest=False)) as there:
        there.pipeline.ingest()
    (suite_folder / "corpus" / "red.png").unlink()
    run = run_suite(written({}), suite, How(ingest=False))
    assert run.metric("R@1")["red"] == 1.0


def test_an_interrupted_run_goes_on_where_it_was(
    recipe: Path, suite_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = running.ask

    def noted(pipeline: Any, query: Any, **more: Any) -> Any:
        asked.append(query.id)
        return ask(pipeline, query, **more)

    monkeypatch.setattr(running, "ask", noted)

    def interrupted(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    suite = find_suite(suite_folder)
    with pytest.raises(KeyboardInterrupt):
        run_suite(recipe, suite, on_query=interrupted)
    assert asked == ["red", "red", "note", "rot"]  # the first one is asked once more before, to load the models
    asked.clear()
    run = run_suite(recipe, suite)
    assert asked == ["red", "picture", "none"]
    assert [result.id for result in run.results] == ["red", "note", "rot", "picture", "none"]
    asked.clear()
    run_suite(recipe, suite)
    assert len(asked) == 6  # what was done is done


def test_what_was_kept_of_another_corpus_is_not_taken(recipe: Path, suite_folder: Path) -> None:
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suite(recipe, find_suite(suite_folder), on_query=interrupted)
    (suite_folder / "corpus" / "red.png").unlink()
    (suite_folder / "corpus" / "red.txt").unlink()
    assert run_suite(recipe, find_suite(suite_folder)).metric("RR")["red"] == 0.0


def test_a_query_that_fails_counts_as_nothing_found_and_the_others_go_on(
    recipe: Path, suite_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy_stages import ToyRetriever

    retrieve = ToyRetriever._aretrieve

    async def broken(self: Any, query_bundle: Any) -> Any:
        if query_bundle.query_str == "lemon":
            raise StageError("the server is down")
        return await retrieve(self, query_bundle)

    monkeypatch.setattr(ToyRetriever, "_aretrieve", broken)
    run = run_suite(recipe, find_suite(suite_folder))
    by_id = {result.id: result for result in run.results}
    assert by_id["note"].error == "the server is down"
    assert by_id["note"].metrics == {"nDCG@10": 0.0, "R@1": 0.0, "RR": 0.0}
    assert by_id["red"].metrics["RR"] == 1.0


def test_a_part_of_a_suite_is_said_to_be_one(recipe: Path, suite_folder: Path) -> None:
    suite = find_suite(suite_folder)
    run = run_suite(recipe, suite, How(slices={"language": "de"}))
    assert ([one.id for one in run.results], run.part) == (["rot"], "language=de")
    assert run_suite(recipe, suite, How(limit=2)).part == "the first 2"
    with pytest.raises(QueryError, match="no queries of language=dd; did you mean 'language=de'"):
        run_suite(recipe, suite, How(slices={"language": "dd"}))


def test_costs_come_from_the_recipes_prices(recipe: Path, suite_folder: Path) -> None:
    suite = find_suite(suite_folder)
    assert run_suite(recipe, suite).cost is None
    run = run_suite(written({"prices": {"currency": "USD", "query": 0.002}}), suite)
    assert (run.cost, run.currency) == (pytest.approx(2.0), "USD")
    run = run_suite(written({"prices": {"written": 1000, "hour": 36}}), suite)
    answer = {result.id: result for result in run.results}["note"]
    # A token is four signs where the generator does not count them: "Buy a lemon. It is for Ann. [1]".
    assert answer.cost == pytest.approx(len(answer.answer) // 4 * 1000 / 1e6 + answer.seconds["total"] / 100)


def test_a_recipe_without_an_index_says_what_is_missing(toys: None, suite_folder: Path) -> None:
    alone = written({"index": None, "retriever": None, "embedders": None})
    with pytest.raises(QueryError, match="has no index to put the corpus of 'shop' into"):
        run_suite(alone, find_suite(suite_folder))


def test_a_cache_of_the_recipe_does_not_answer(recipe: Path, suite_folder: Path) -> None:
    with opened(written({"wrappers": [{"use": "toy_counter"}]}), find_suite(suite_folder), How()) as there:
        assert [name for name, _ in there.pipeline.stages.wrappers] == ["toy_counter"]
        assert json.loads(Path("toys.yaml").read_text())["wrappers"]
