"""ONNX Runtime in the place of torch: exported here, with the same rankings, in 32 bits and in 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora_benchmarks.agreement import agreement
from imagora_benchmarks.backends import scorer
from imagora_benchmarks.sentences import questions, sentences
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
