"""`imagora sweep`: points, exact search, the Pareto front, what is chosen, and the recipe that is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imagora.cli.main import app
from imagora.errors import QueryError, RecipeError
from imagora.stages import Identity
from imagora_evals.suites import find_suite
from imagora_evals.sweeping import index_sweep, overlay, rank_sweep
from imagora_evals.sweeping.corpus import Corpus
from imagora_evals.sweeping.exact import Nearest
from imagora_evals.sweeping.grid import of_index, online, points
from imagora_evals.sweeping.results import Result, Target, best, cheapest, pareto
from imagora_recipe.check import check
from toy_distributions import environment_with
from typer.testing import CliRunner

from .eval_toys import written

PLAN = check("starter")


def test_every_combination_is_a_point() -> None:
    said = ["index.hnsw.m=8,16", "index.hnsw.ef=32, 64,128"]
    found = points(said, PLAN)
    assert len(found) == 6
    assert found[0] == {"index.hnsw.m": "8", "index.hnsw.ef": "32"}
    assert points(["retriever.legs={image: 1, text: 2},{image: 1}"], PLAN) == [
        {"retriever.legs": "{image: 1, text: 2}"},
        {"retriever.legs": "{image: 1}"},
    ]
    assert all(of_index(points([], PLAN)[:1]) for _ in range(1))
    assert len(points([], PLAN)) > 5


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["index.hnsw.ef"], "tries nothing"),
        (["index.hnsw.ef="], "tries nothing"),
        (["=1"], "tries nothing"),
        ([f"index.a{n}=1,2,3,4" for n in range(6)], "at most 1,000"),
    ],
)
def test_what_is_no_point_is_told(said: list[str], told: str) -> None:
    with pytest.raises(QueryError, match=told):
        points(said, PLAN)


def test_options_of_the_index_and_of_the_ranking_are_not_swept_together() -> None:
    with pytest.raises(QueryError, match="one after the other"):
        of_index(points(["index.hnsw.m=8", "retriever.top_k=10"], PLAN))
    assert not of_index(points(["retriever.top_k=10", "rerankers[0].keep=5"], PLAN))


def test_what_only_changes_a_search_needs_no_other_index(tmp_path: Path) -> None:
    point = {"index.hnsw.m": "8", "index.hnsw.ef": "32", "index.oversampling": "2", "index.quantization": "scalar"}
    assert set(online(point, PLAN)) == {"index.hnsw.ef", "index.oversampling"}
    faiss = tmp_path / "faiss.yaml"
    faiss.write_text("recipe: 1\nextends: starter\nindex: {use: faiss, path: ./i, kind: ivf}\n")
    assert set(online({"index.lists": "8", "index.probes": "2"}, check(faiss))) == {"index.probes"}
    assert "index.probes" in points([], check(faiss))[0]


def test_exact_neighbours_are_those_of_a_whole_sort() -> None:
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((300, 8)).astype(np.float32)
    queries = chance.standard_normal((7, 8)).astype(np.float32)
    nearest = Nearest(queries, 10)
    for start in range(0, 300, 70):
        nearest.show(vectors[start : start + 70])
    whole = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    assert [set(row) for row in nearest.places.tolist()] == [set(row) for row in whole.tolist()]
    assert nearest.scores.min(axis=1) == pytest.approx(np.sort(queries @ vectors.T, axis=1)[:, -10])


def result(value: float, p99: float, memory: float | None = 100.0, **point: str) -> Result:
    return Result(point, value, p99 / 2, p99, memory)


def test_the_front_holds_what_nothing_beats() -> None:
    good, quick, small = result(0.99, 0.02), result(0.9, 0.01), result(0.99, 0.03, 50)
    beaten = result(0.9, 0.02)
    assert pareto([good, beaten, quick, small]) == [quick, good, small]


def test_the_least_memory_that_reaches_the_target_is_chosen() -> None:
    found = [result(0.97, 0.02), result(0.96, 0.05, 40), result(0.955, 0.03, 40.5), result(0.90, 0.01, 10)]
    assert cheapest(found, Target(0.95, 0.15)) == found[2]  # of two that are alike in memory the quicker one
    assert cheapest(found, Target(0.95, 0.025)) == found[0]
    assert cheapest(found, Target(0.99)) is None
    assert best(found, Target(p99=0.04)) == found[0]


def swept_corpus(folder: Path, items: int) -> Corpus:
    """A corpus with two legs, of which some items have only one."""
    folder.mkdir()
    chance = np.random.default_rng(1)
    legs = {leg: Identity("made", "1", "none", 16, "cosine") for leg in ("image", "text")}
    for leg, rows in (("image", range(items)), ("text", range(0, items, 2))):
        vectors = chance.standard_normal((len(rows), 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(folder / f"{leg}.npy", vectors)
        np.save(folder / f"{leg}.rows.npy", np.asarray(rows))
        np.save(folder / f"{leg}.queries.npy", chance.standard_normal((30, 16)).astype(np.float32))
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(items)]
    said = {"ids": ids, "legs": {leg: vars(identity) for leg, identity in legs.items()}}
    (folder / "corpus.json").write_text(json.dumps(said))
    return Corpus(folder, ids, legs)


def test_lists_of_faiss_are_measured_against_exact_search_and_never_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fewer lists are looked into, the more is missed; with all of them nothing is."""
    pytest.importorskip("faiss")
    recipe = tmp_path / "faiss.yaml"
    recipe.write_text(
        "recipe: 1\nembedders: {image: {use: starter}, text: {use: starter}}\n"
        "index: {use: faiss, path: ./i, kind: ivf, lists: 16}\nretriever: {use: hybrid}\n"
    )
    corpus = swept_corpus(tmp_path / "kept", 2000)
    entries = list(corpus.entries())
    assert [len(entries), len(entries[0].vectors), len(entries[1].vectors)] == [2000, 2, 1]
    of = index_sweep.Of(str(recipe), None, (), corpus.folder, 5)
    told: list[int] = []
    tried = points(["index.probes=1,16"], check(recipe))

    def on_point(done: int, total: int, point: object) -> None:
        told.append(done)
        if done == stop_at:
            raise KeyboardInterrupt

    stop_at = 1
    with pytest.raises(KeyboardInterrupt):
        index_sweep.sweep(of, corpus, tried, on_point)
    calls: list[str] = []
    child = index_sweep._child

    def counted(action: str, *arguments: object) -> object:
        calls.append(action)
        return child(action, *arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(index_sweep, "_child", counted)
    stop_at = -1
    few, all_ = index_sweep.sweep(of, corpus, tried, on_point)
    assert calls == ["measure"]  # the index was there, and the other point was done before Ctrl-C
    assert few.value < 0.9
    assert all_.value == 1.0
    assert set(few.recall_by_leg) == {"image", "text"}
    assert few.memory and few.p99 >= few.p50 > 0
    assert not (corpus.folder / index_sweep.INDEX).exists()
    assert index_sweep.remarks(corpus, [all_], 10_000)[0].startswith("with 2,000 items")


def test_an_index_on_a_server_is_not_swept(tmp_path: Path) -> None:
    recipe = tmp_path / "server.yaml"
    recipe.write_text("recipe: 1\nextends: starter\nindex: {path: null, url: 'http://localhost:6333'}\n")
    of = index_sweep.Of(str(recipe), None, (), tmp_path, 5)
    with pytest.raises(QueryError, match="on a server"):
        index_sweep.sweep(of, swept_corpus(tmp_path / "kept", 10), [{"index.hnsw.ef": "8"}], lambda *_: None)


def test_the_chosen_point_is_a_recipe_that_extends_the_other(tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    point = {"index.hnsw.m": "8", "index.hnsw.ef": "32", "retriever.fusion": "rrf"}
    overlay.write(file, "starter", point, "Why.")
    plan = check(file)
    assert plan.index is not None and plan.retriever is not None
    options = plan.index.options.model_dump()
    assert (options["hnsw"]["m"], options["hnsw"]["ef"], options["hnsw"]["ef_construct"]) == (8, 32, 100)
    assert plan.retriever.options.model_dump()["fusion"] == "rrf"
    (tmp_path / "below").mkdir()
    overlay.write(tmp_path / "below" / "more.yaml", str(file), {"index.hnsw.ef": "64"}, "Why.")
    assert "extends: ../tuned.yaml" in (tmp_path / "below" / "more.yaml").read_text()
    with pytest.raises(QueryError, match="is the recipe itself"):
        overlay.write(file, str(file), point, "Why.")
    with pytest.raises(QueryError, match="an entry of a list"):
        overlay.write(tmp_path / "x.yaml", "starter", {"rerankers[0].keep": "3"}, "Why.")
    with pytest.raises(RecipeError):
        overlay.write(tmp_path / "x.yaml", "starter", {"index.hnsw.ef": "many"}, "Why.")


@pytest.fixture
def judged(recipe: Path, suite_folder: Path) -> Iterator[Path]:
    """The suite of squares with sixty queries, half for each of two pictures."""
    lines = [json.dumps({"id": f"{word}-{n}", "text": word}) for word in ("red", "blue") for n in range(30)]
    (suite_folder / "queries.jsonl").write_text("\n".join(lines))
    grades = [
        f'{{"query": "{word}-{n}", "uri": "{word}.png", "grade": 1}}' for word in ("red", "blue") for n in range(30)
    ]
    (suite_folder / "qrels").unlink()
    (suite_folder / "qrels.jsonl").write_text("\n".join(grades))
    yield suite_folder


def test_half_of_the_queries_choose_and_the_other_half_tells(judged: Path) -> None:
    suite = find_suite(judged)
    halves = rank_sweep.halves(suite)
    assert sum(halves.values()) == 30 == len(halves) - sum(halves.values())
    assert halves == rank_sweep.halves(replace(suite, queries=suite.queries[::-1]))
    good = dict.fromkeys(halves, 1.0)
    as_it_is = Result({}, 0.5, 0.1, 0.1, held=0.5, by_query=dict.fromkeys(halves, 0.5))
    chosen = Result({"a": "1"}, 1.0, 0.1, 0.1, held=1.0, by_query=good)
    (said,) = rank_sweep.remarks(as_it_is, chosen, suite, "RR")
    assert "+0.500, with 95 % between +0.500 and +0.500" in said
    lucky = {id_: 1.0 if one else 0.5 + (n % 3 - 1) / 4 for n, (id_, one) in enumerate(halves.items())}
    said = rank_sweep.remarks(as_it_is, replace(chosen, by_query=lucky), suite, "RR")[-1]
    assert said == "no gain is certain: this interval holds 0"
    assert rank_sweep.remarks(as_it_is, as_it_is, suite, "RR")[-1].startswith("nothing that was tried is better")
    small = replace(suite, qrels={id_: suite.qrels[id_] for id_ in list(suite.qrels)[:10]})
    assert "too few" in rank_sweep.remarks(as_it_is, chosen, small, "RR")[0]


def test_a_ranking_is_swept_from_the_command_line(judged: Path) -> None:
    recipe = written({"retriever": {"use": "toy_retriever", "top_k": 1, "fusion": "weighted"}})
    line = ["sweep", str(recipe), str(judged), "--param", "retriever.top_k=1,3", "--metric", "RR", "--least", "0.4"]
    done = CliRunner().invoke(app, [*line, "--write", "tuned.yaml", "--svg", "points.svg", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [one["point"] for one in said["results"]] == [{}, {"retriever.top_k": "1"}, {"retriever.top_k": "3"}]
    assert said["chosen"] is not None and any(one["pareto"] for one in said["results"])
    assert "<svg" in Path("points.svg").read_text()
    if said["written"]:
        assert check("tuned.yaml")
    done = CliRunner().invoke(app, [*line[:-1], "1.5"])
    assert done.exit_code == 1
    assert "no point reaches the target" in done.stdout
    done = CliRunner().invoke(app, [*line, "--recall", "0.9"])
    assert done.exit_code == 2 and "--recall is for options of the index" in done.stderr


def test_an_index_is_swept_from_the_command_line(
    recipe: Path, suite_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("qdrant_edge")
    monkeypatch.setenv("PYTHONPATH", environment_with(tmp_path / "site")["PYTHONPATH"])
    swept = written({"index": {"use": "qdrant", "path": "./index"}}, "qdrant.yaml")
    line = ["sweep", str(swept), str(suite_folder), "--param", "index.hnsw.ef=16,32", "--recall", "0.9", "--k", "2"]
    done = CliRunner().invoke(app, [*line, "--write", "tuned.yaml", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["metric"], said["items"], said["chosen"]["value"]) == ("recall@2", 4, 1.0)
    assert "it looks at every vector of so few" in said["remarks"][0]
    plan = check("tuned.yaml")
    assert plan.index is not None and plan.index.options.model_dump()["hnsw"]["ef"] in (16, 32)
    assert not Path("index").exists()  # the recipe's own index was left alone
