"""How the CLIP plugin finds, checks and names a model, and what it says where it cannot."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from imagora.errors import StageError
from imagora_clip.embedding import ClipEmbedding
from imagora_clip.options import ClipOptions
from pydantic import ValidationError

from .open_clip_folder import clip_folder, student  # noqa: F401 - fixtures

# ruff: noqa: F811 - a fixture is imported and then named as an argument

SMALL = "ViT-S-32-alt"  # an architecture of open_clip's own, small enough to make weights for


def made(**options: Any) -> ClipEmbedding:
    return ClipEmbedding(ClipOptions(**options))


def relinked(folder: Path, copy: Path) -> Path:
    """The same model in another folder, without copying its weights."""
    shutil.copytree(folder, copy, copy_function=os.link)
    return copy


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    file = tmp_path_factory.mktemp("weights") / "small.pt"
    torch.save(open_clip.create_model(SMALL).state_dict(), file)
    return file


def test_a_folder_is_a_folder_in_every_spelling(clip_folder: Path, tmp_path: Path) -> None:
    place = f"local-dir:{clip_folder}"
    assert ClipOptions(model=str(clip_folder)).model == ClipOptions(model=place).model == place
    beside = {"folders": {"model": str(clip_folder.parent)}}
    assert ClipOptions.model_validate({"model": clip_folder.name}, context=beside).model == place
    assert ClipOptions.model_validate({"model": "ViT-B-32", "weights": "openai"}, context=beside).model == "ViT-B-32"


def test_weights_beside_the_recipe_are_found(weights_file: Path) -> None:
    beside = {"folders": {"weights": str(weights_file.parent)}}
    options = ClipOptions.model_validate({"model": SMALL, "weights": weights_file.name}, context=beside)
    assert options.weights == str(weights_file)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"model": "ViT-B-32"}, "needs 'weights'"),
        ({"model": "hf-hub:laion/x", "weights": "openai"}, "leave it out"),
        ({"model": "ViT-B-32", "weights": "openai", "query_template": "a photo"}, "exactly one {}"),
        ({"model": "ViT-B-32", "weights": "openai", "device": "gpu"}, "pattern"),
        ({"model": "ViT-B-32", "weights": "openai", "precision": "fp8"}, "fp32"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, str], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ClipOptions(**options)


def test_the_identity_names_model_weights_and_preprocessing(clip_folder: Path, student: ClipEmbedding) -> None:
    identity = student.identity()
    assert identity.embedder == f"clip {clip_folder.name}"
    assert identity.weights == sha256((clip_folder / "open_clip_model.safetensors").read_bytes()).hexdigest()
    assert (identity.dimension, identity.metric) == (384, "cosine")
    assert "224x224" in identity.preprocessing and "mean 0.5 0.5 0.5" in identity.preprocessing


def test_a_moved_folder_keeps_its_identity(clip_folder: Path, student: ClipEmbedding, tmp_path: Path) -> None:
    moved = relinked(clip_folder, tmp_path / clip_folder.name)
    assert made(model=str(moved)).identity() == student.identity()


def test_other_preprocessing_is_another_identity(clip_folder: Path, student: ClipEmbedding, tmp_path: Path) -> None:
    other = relinked(clip_folder, tmp_path / clip_folder.name)
    config = json.loads((other / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = "squash"
    (other / "open_clip_config.json").unlink()  # a link: writing through it would change the first folder
    (other / "open_clip_config.json").write_text(json.dumps(config))
    identity = made(model=str(other)).identity()
    assert identity != student.identity()
    assert replace(identity, preprocessing="") == replace(student.identity(), preprocessing="")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_and_has_its_own_identity(
    clip_folder: Path, student: ClipEmbedding, precision: str
) -> None:
    half = made(model=str(clip_folder), precision=precision)
    words = ["a cat", "a cup of coffee"]
    near = np.sum(np.array(half.get_text_embedding_batch(words)) * student.get_text_embedding_batch(words), axis=1)
    assert (near > 0.99).all()
    assert np.linalg.norm(half.get_text_embedding("a cat")) == pytest.approx(1, abs=1e-5)
    assert half.identity() != student.identity()


def test_an_architecture_loads_a_weights_file(weights_file: Path) -> None:
    clip = made(model=SMALL, weights=str(weights_file))
    assert clip.identity().embedder == f"clip {SMALL}"
    assert clip.identity().weights == sha256(weights_file.read_bytes()).hexdigest()
    theirs = open_clip.create_model(SMALL, str(weights_file)).eval()
    with torch.inference_mode():
        vector = theirs.encode_text(open_clip.get_tokenizer(SMALL)(["a cat"]), normalize=True)[0]
    assert np.allclose(clip.get_query_embedding("a cat"), vector.numpy(), atol=1e-5)


def test_weights_of_another_architecture_are_an_error_in_words(weights_file: Path) -> None:
    with pytest.raises(StageError, match=r"'clip' cannot load the model in '.*small\.pt'"):
        made(model="ViT-B-32", weights=str(weights_file)).identity()


def test_building_loads_nothing_and_threads_load_once(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    whole = open_clip.create_model_from_pretrained
    monkeypatch.setattr(open_clip, "create_model_from_pretrained", lambda *a, **k: loads.append(a) or whole(*a, **k))
    clip = made(model=str(clip_folder))
    assert loads == []
    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(clip.get_query_embedding, ["a cat"] * 8))
    assert len(loads) == 1
    assert np.allclose(vectors, vectors[0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"model": "ViT-B-32", "weights": "laion2b_s34b_b79k"}, "'ViT-B-32' with weights 'laion2b.*'weights: PATH'"),
        ({"model": "hf-hub:laion/CLIP-ViT-B-32"}, "'hf-hub:laion/CLIP-ViT-B-32' from the model hub.*'model: PATH'"),
        ({"model": "ViT-B-23", "weights": "openai"}, "no architecture 'ViT-B-23'; did you mean 'ViT-B-32'"),
        ({"model": "ViT-B-32", "weights": "laion3b"}, "no pretrained tag 'laion3b' .there is: openai"),
        ({"model": "ViT-B-32", "weights": "./gone.pt"}, "finds no weights file '/.*gone.pt'"),
        ({"model": "./gone"}, "finds no open_clip model in '/.*gone': there is no 'open_clip_config.json'"),
        ({"model": "ViT-B-32", "weights": "openai", "device": "cuda:99"}, "device 'cuda:99'.*'device: auto'"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(options: dict[str, str], what: str) -> None:
    with pytest.raises(StageError, match=what) as error:
        made(**options).get_query_embedding("a cat")
    assert "\n" not in str(error.value)


def test_a_folder_without_weights_is_named(clip_folder: Path, tmp_path: Path) -> None:
    bare = relinked(clip_folder, tmp_path / "bare")
    (bare / "open_clip_model.safetensors").unlink()
    with pytest.raises(StageError, match=f"no weights in '{re.escape(str(bare))}'"):
        made(model=str(bare)).identity()


class Harmful:
    """What runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark, file = tmp_path / "ran", tmp_path / "weights.pt"
    torch.save({"state_dict": Harmful(mark)}, file)
    with pytest.raises(StageError, match="cannot load the model"):
        made(model=SMALL, weights=str(file)).identity()
    file.write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(StageError, match="cannot load the model"):
        made(model=SMALL, weights=str(file)).identity()
    assert not mark.exists()


def test_a_model_that_asks_to_run_its_own_code_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    asking = relinked(clip_folder, tmp_path / "asking")
    config = json.loads((asking / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"trust_remote_code": True}
    (asking / "open_clip_config.json").unlink()  # a link: writing through it would change the first folder
    (asking / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(StageError, match="models that bring code are not loaded"):
        made(model=str(asking)).identity()


def test_a_model_in_the_hubs_cache_loads_without_the_hub(
    clip_folder: Path, student: ClipEmbedding, tmp_path: Path
) -> None:
    repository = tmp_path / "hub" / "models--imagora--student"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    relinked(clip_folder, repository / "snapshots" / ("0" * 40))
    script = (
        "from imagora_clip.embedding import ClipEmbedding as E; from imagora_clip.options import ClipOptions as O\n"
        "clip = E(O(model='hf-hub:imagora/student'))\n"
        "print(*clip.get_query_embedding('a cat')); print(clip.identity().weights)"
    )
    settings = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([sys.executable, "-c", script], env=settings, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    vector, weights = ran.stdout.splitlines()
    assert np.allclose([float(number) for number in vector.split()], student.get_query_embedding("a cat"), atol=1e-5)
    assert weights == student.identity().weights, "the same weights have one identity, from the hub or from a folder"
