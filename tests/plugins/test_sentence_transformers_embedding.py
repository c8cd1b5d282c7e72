"""`sentence_transformers` keeps the contracts and reads its options, on MiniLM from a package."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from imagora.errors import QueryError, StageError
from imagora.testing import ComponentContract, EmbedderContract
from imagora_sentence_transformers.embedding import SentenceTransformersEmbedding
from imagora_sentence_transformers.long_texts import longer, parts
from imagora_sentence_transformers.options import EmbeddingOptions

from .open_clip_folder import write_minilm


def made(**options: Any) -> SentenceTransformersEmbedding:
    return SentenceTransformersEmbedding(EmbeddingOptions(**options))


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_minilm(tmp_path_factory.mktemp("minilm") / "all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def embedding(minilm: Path) -> SentenceTransformersEmbedding:
    """One loaded embedder for every test that does not look at loading."""
    return made(model=str(minilm), device="cpu")


class TestComponents(ComponentContract):
    plugin = "imagora_sentence_transformers"
    examples: ClassVar = {}


class TestEmbedder(EmbedderContract):
    meaning = True

    @pytest.fixture
    def stage(self, embedding: SentenceTransformersEmbedding) -> SentenceTransformersEmbedding:
        return embedding


def test_the_identity_names_the_weights_file(minilm: Path, embedding: SentenceTransformersEmbedding) -> None:
    identity = embedding.identity()
    assert identity.embedder == "all-MiniLM-L6-v2"
    assert identity.weights == sha256((minilm / "model.safetensors").read_bytes()).hexdigest()
    assert (identity.dimension, identity.metric) == (384, "cosine")
    assert "256 tokens" in identity.preprocessing


def test_prompts_are_put_before_the_words(minilm: Path, embedding: SentenceTransformersEmbedding) -> None:
    prompted = made(model=str(minilm), query_prompt="query: ", document_prompt="passage: ")
    assert np.allclose(prompted.get_query_embedding("a cat"), embedding.get_text_embedding("query: a cat"), atol=1e-5)
    assert np.allclose(prompted.get_text_embedding("a cat"), embedding.get_text_embedding("passage: a cat"), atol=1e-5)
    assert "passage: " in prompted.identity().preprocessing
    assert made(model=str(minilm), query_prompt="query: ").identity() == embedding.identity()


def test_vectors_that_are_not_normalised_are_compared_by_dot(minilm: Path) -> None:
    long = made(model=str(minilm), normalise=False, max_length=8, long_text="cut")
    assert long.identity().metric == "dot"
    assert "first 8 tokens" in long.identity().preprocessing
    same = long.get_text_embedding_batch(["one two three four five six seven", "one two three four five six eight"])
    assert same[0] == pytest.approx(same[1], abs=1e-5), "the seventh word is beyond eight tokens with their two marks"


LONG = " ".join(["cat", "dog", "house", "tree", "river"] * 8)  # 40 tokens, and two are marks


def test_a_split_text_is_the_mean_of_its_parts_and_hears_its_last_word(minilm: Path) -> None:
    split = made(model=str(minilm), device="cpu", max_length=12, document_prompt="text: ")
    pieces = parts(split._loaded(), "text: ", LONG)
    assert " ".join(pieces) == LONG and len(pieces) == 8, "12 tokens less two marks and two of the prompt hold 8 words"
    mean = np.mean([split.get_text_embedding(piece) for piece in pieces], axis=0)
    before, whole, after = split.get_text_embedding_batch(["a lamp", LONG, "a chair"])
    assert np.allclose(whole, mean / np.linalg.norm(mean), atol=1e-5)
    assert np.allclose([before, after], split.get_text_embedding_batch(["a lamp", "a chair"]), atol=1e-5)
    assert not np.allclose(whole, split.get_text_embedding(f"{LONG} volcano"), atol=1e-3)
    assert split.texts_cut == 0 and "12 tokens, long text split" in split.identity().preprocessing


def test_a_word_without_an_end_is_split_as_well(minilm: Path) -> None:
    split = made(model=str(minilm), device="cpu", max_length=12)
    pieces = parts(split._loaded(), "", endless := "東京" * 200)
    assert "".join(pieces) == endless and len(pieces) > 1 and not any(longer(split._loaded(), "", pieces))


def test_what_is_cut_is_counted_and_told_once(minilm: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut = made(model=str(minilm), device="cpu", max_length=12, long_text="cut")
    first = " ".join(LONG.split()[:10])
    vectors = cut.get_text_embedding_batch([LONG, first, "a lamp", f"{first} volcano"])
    assert np.allclose(vectors[0], vectors[1], atol=1e-5) and np.allclose(vectors[3], vectors[1], atol=1e-5)
    cut.get_query_embedding(LONG)
    assert cut.texts_cut == 3
    assert [record.getMessage() for record in caplog.records if "cuts texts" in record.getMessage()] == [
        "'sentence_transformers' cuts texts to 12 tokens; 'long_text: split' reads all of them"
    ]
    assert "first 12 tokens" in cut.identity().preprocessing


def test_refuse_says_the_limit_and_the_way_out(minilm: Path) -> None:
    refusing = made(model=str(minilm), device="cpu", max_length=12, long_text="refuse")
    refusing.get_text_embedding("a lamp")
    with pytest.raises(StageError, match="at most 12 tokens.*'long_text: split'"):
        refusing.get_text_embedding_batch(["a lamp", LONG])
    with pytest.raises(QueryError, match="at most 12 tokens"):
        refusing.get_query_embedding(LONG)
    full = made(model=str(minilm), device="cpu", max_length=12, document_prompt=LONG)
    with pytest.raises(StageError, match="its prompt alone fills them"):
        full.get_text_embedding("a lamp")


def test_a_text_that_is_an_address_is_only_words(embedding: SentenceTransformersEmbedding) -> None:
    vectors = embedding.get_text_embedding_batch(["https://127.0.0.1:9/cat.png", "a cat", "cat.png"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_building_loads_nothing_and_threads_load_once(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    whole = SentenceTransformersEmbedding._make
    monkeypatch.setattr(SentenceTransformersEmbedding, "_make", lambda *given: loads.append(given) or whole(*given))
    new = made(model=str(minilm))
    assert loads == []
    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(new.get_query_embedding, ["a cat"] * 8))
    assert len(loads) == 1
    assert np.allclose(vectors, vectors[0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (
            {"model": "sentence-transformers/all-mpnet-base-v2"},
            "'sentence-transformers/all-mpnet-base-v2' .*'model: PATH'",
        ),
        ({"model": "./gone"}, r"finds no model in '/.*gone': there is no config\.json"),
        ({"device": "cuda:99"}, "device 'cuda:99'.*'device: auto'"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(options: dict[str, str], what: str) -> None:
    with pytest.raises(StageError, match=what) as error:
        made(**options).get_query_embedding("a cat")
    assert "\n" not in str(error.value)


def test_a_folder_that_brings_code_is_refused_and_not_run(minilm: Path, tmp_path: Path) -> None:
    folder, mark = tmp_path / "harmful", tmp_path / "ran"
    shutil.copytree(minilm, folder, copy_function=os.link)
    modules = (folder / "modules.json").read_text().replace("sentence_transformers.models.Normalize", "mine.Normalize")
    (folder / "modules.json").unlink()  # a link: writing through it would change the first folder
    (folder / "modules.json").write_text(modules)
    (folder / "mine.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()")
    with pytest.raises(StageError, match="brings code of its own"):
        made(model=str(folder)).identity()
    assert not mark.exists()


def test_a_model_in_the_hubs_cache_has_the_identity_of_its_folder(
    minilm: Path, embedding: SentenceTransformersEmbedding, tmp_path: Path
) -> None:
    repository = tmp_path / "hub" / "models--imagora--all-MiniLM-L6-v2"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    shutil.copytree(minilm, repository / "snapshots" / ("0" * 40), copy_function=os.link)
    script = (
        "from imagora_sentence_transformers.embedding import SentenceTransformersEmbedding as E\n"
        "from imagora_sentence_transformers.options import EmbeddingOptions as O\n"
        "print(E(O(model='imagora/all-MiniLM-L6-v2')).identity())"
    )
    settings = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([sys.executable, "-c", script], env=settings, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == str(embedding.identity()), ran.stderr
