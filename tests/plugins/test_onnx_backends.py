"""ONNX Runtime in the place of torch: exported here, with the same rankings, in 32 bits and in 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from imagora.errors import RecipeError, StageError
from imagora_benchmarks.agreement import Agreement, agreement
from imagora_benchmarks.backends import scorer
from imagora_benchmarks.sentences import questions, sentences
from imagora_onnx import running
from imagora_onnx.exported import cache_folder
from imagora_onnx.int8 import VERSION as INT8
from imagora_onnx.int8 import quantise
from imagora_recipe.check import planned
from imagora_sentence_transformers import backend
from imagora_sentence_transformers.embedding import SentenceTransformersEmbedding
from imagora_sentence_transformers.options import CrossEncoderOptions, EmbeddingOptions
from imagora_sentence_transformers.reranker import CrossEncoderReranker
from imagora_starter.embedder import StarterEmbedding
from imagora_starter.options import StarterOptions

from .open_clip_folder import write_minilm

LEAST = {"onnx": 0.98, "onnx-int8": 0.9}
"""The overlap of the first ten with torch's."""


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_minilm(tmp_path_factory.mktemp("minilm") / "all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def embedders(minilm: Path) -> dict[str, Any]:
    made: Any = {
        name: SentenceTransformersEmbedding(EmbeddingOptions(model=str(minilm), backend=name))
        for name in ("torch", "onnx", "onnx-int8")
    }
    return {**made, "starter": StarterEmbedding(StarterOptions(backend="onnx-int8"))}


@pytest.fixture(scope="session")
def cross_encoders(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, CrossEncoderReranker]:
    model = str(scorer(minilm, tmp_path_factory.mktemp("scorer")))
    return {
        name: CrossEncoderReranker(CrossEncoderOptions(model=model, backend=name))
        for name in ("torch", "onnx", "onnx-int8")
    }


@pytest.mark.parametrize("name", ["onnx", "onnx-int8", "starter"])
def test_a_text_has_the_same_vector_beside_any_others(name: str, embedders: dict[str, Any]) -> None:
    """What gathers queries relies on it, and the library's own quantisation does not give it."""
    texts = [*sentences()[:24], "", "words " * 300, "東京, Straße"]
    together = np.array(embedders[name].get_text_embedding_batch(texts))
    asked = np.array([embedders[name].get_query_embedding(text) for text in texts])
    assert np.abs(together - asked).max() < 1e-5
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["onnx", "onnx-int8"])
def test_a_pair_has_the_same_score_beside_any_others(
    name: str, cross_encoders: dict[str, CrossEncoderReranker]
) -> None:
    pairs = [(question, text) for question in questions()[:2] for text in sentences()[:5]]
    score = cross_encoders[name].score_pairs
    assert score(pairs) == pytest.approx([score([pair])[0] for pair in pairs], abs=1e-4)


def cosines(embedder: Any) -> Any:
    stored = np.array(embedder.get_text_embedding_batch(sentences()))
    return np.array(embedder.get_query_embedding_batch(questions())) @ stored.T


@pytest.mark.parametrize("name", ["onnx", "onnx-int8"])
def test_an_embedder_ranks_as_torch_does(
    name: str, embedders: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found = agreement(cosines(embedders["torch"]), cosines(embedders[name]))
    with capsys.disabled():
        print(f"\nMiniLM, {name}: {found}")
    assert found.overlap >= LEAST[name] and found.tau >= LEAST[name]


def test_the_starter_in_8_bits_ranks_as_torch_does(
    embedders: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found = agreement(cosines(embedders["torch"]), cosines(embedders["starter"]))
    with capsys.disabled():
        print(f"\nstarter, onnx-int8: {found}")
    assert found.overlap >= LEAST["onnx-int8"] and found.tau >= LEAST["onnx-int8"]


@pytest.mark.parametrize("name", ["onnx", "onnx-int8"])
def test_a_cross_encoder_ranks_as_torch_does(
    name: str, cross_encoders: dict[str, CrossEncoderReranker], capsys: pytest.CaptureFixture[str]
) -> None:
    asked, texts = questions()[::10], sentences()[::7]
    pairs = [(question, text) for question in asked for text in texts]
    scores = {
        which: np.array(cross_encoders[which].score_pairs(pairs)).reshape(len(asked), -1) for which in ("torch", name)
    }
    found = agreement(scores["torch"], scores[name])
    with capsys.disabled():
        print(f"\ncross-encoder, {name}: {found}")
    assert found.overlap >= LEAST[name]


def test_the_same_numbers_are_the_same_identity_and_others_are_not(embedders: dict[str, Any]) -> None:
    identities = {name: embedder.identity() for name, embedder in embedders.items()}
    assert identities["torch"] == identities["onnx"]
    vectors = [np.array(embedders[name].get_text_embedding_batch(sentences()[:40])) for name in ("torch", "onnx")]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-5, "or they would be no one's the same"
    assert identities["torch"] != identities["onnx-int8"]
    assert StarterEmbedding(StarterOptions()).identity() != identities["starter"]


def test_an_export_with_other_numbers_is_refused(minilm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path))
    exporting = torch.onnx.export

    def worse(model: Any, *arguments: Any, **named: Any) -> None:
        weights = model.inner.encoder.layer[0].output.dense.weight
        weights.data *= 1.5  # a sum would be the same for all features, which the layer norm takes out
        try:
            exporting(model, *arguments, **named)
        finally:
            weights.data /= 1.5

    monkeypatch.setattr(torch.onnx, "export", worse)
    embedder = SentenceTransformersEmbedding(EmbeddingOptions(model=str(minilm), backend="onnx"))
    with pytest.raises(StageError, match="ONNX gives other numbers; write 'backend: torch'"):
        embedder.get_query_embedding("a")
    assert not list(tmp_path.rglob("*.onnx")), "nothing of it stays"


def test_onnx_runs_in_the_place_of_torch_and_its_export_is_found_again_by_the_weights(
    embedders: dict[str, Any], minilm: Path
) -> None:
    embedders["onnx-int8"].get_query_embedding("a")
    folders = {folder.name for folder in cache_folder("sentence_transformers").iterdir() if folder.is_dir()}
    weights = embedders["torch"].identity().weights[:16]
    assert {f"{weights}-last_hidden_state-1", f"{weights}-last_hidden_state-1-int8-{INT8}"} <= folders
    inner = embedders["onnx"]._model[0].model
    assert inner.forward.__module__ == backend.__name__


def test_a_product_of_whole_numbers_is_near_the_product(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    dice = np.random.default_rng(0)
    weights = dice.normal(size=(64, 32)).astype(np.float32)
    ins, outs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in (("x", 64), ("y", 32))
    )
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [ins], [outs], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "whole.onnx"))
    quantise(tmp_path / "whole.onnx", tmp_path / "model.onnx")
    assert {node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node} >= {"MatMulIntegerToFloat"}
    session = running.session(tmp_path, 1)
    rows = dice.normal(size=(5, 64)).astype(np.float32) * np.array([[1e-6], [1], [100], [1], [1]], np.float32)
    rows[3] = 0
    (given,) = session.run(None, {"x": rows})
    right = rows @ weights
    assert not given[3].any()
    sizes = np.abs(right).max(axis=1)
    assert (np.abs(given - right).max(axis=1)[sizes > 0] < 0.03 * sizes[sizes > 0]).all(), "rows of any size"
    for place in range(len(rows)):
        assert np.array_equal(session.run(None, {"x": rows[place : place + 1]})[0][0], given[place])


@pytest.mark.parametrize("use", ["sentence_transformers", "cross_encoder"])
def test_onnx_on_another_device_is_refused_where_the_recipe_says_it(use: str) -> None:
    kind = "embedder" if use == "sentence_transformers" else "reranker"
    with pytest.raises(
        RecipeError, match="'onnx' runs on the processor; leave 'device' out, or write 'backend: torch'"
    ):
        planned(kind, {"use": use, "device": "cuda", "backend": "onnx"})
    assert planned(kind, {"use": use, "backend": "onnx-int8"}).options.model_dump()["backend"] == "onnx-int8"


def test_agreement_is_what_it_says() -> None:
    up = np.array([[float(n) for n in range(20)]])
    assert agreement(up, up) == Agreement(1.0, 1.0)
    assert agreement(up, -up) == Agreement(-1.0, 0.0)
    half = up.copy()
    half[0, :5], half[0, -5:] = up[0, -5:], up[0, :5]
    assert agreement(up, half).overlap == 0.5
