"""From options to a loaded open_clip model: found, checked, hashed, and every failure said in words."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import open_clip  # type: ignore[import-untyped]  # open_clip ships no types
import torch
from imagora.errors import StageError
from open_clip.pretrained import download_pretrained_from_hf  # type: ignore[import-untyped]  # open_clip ships no types
from PIL import Image

from .options import CONFIG, FOLDER, HUB, ClipOptions
from .texts import Tokens

_CHECKPOINTS = ("*.safetensors", "*.bin", "*.pth")  # the endings that open_clip looks for in a folder


@dataclass(frozen=True)
class Clip:
    """A loaded model: its towers, its own preprocessing and tokenizer, and what tells it from others."""

    model: Any
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokens: Tokens
    device: torch.device
    name: str
    weights_hash: str
    dimension: int
    preprocessing: str


def load(options: ClipOptions) -> Clip:
    """Load the model; raises StageError with what to do where it is not there or not what it should be."""
    device = _device(options.device)
    config = _config(options)
    try:
        files = _weight_files(options)
        model, preprocess = open_clip.create_model_from_pretrained(
            options.model, options.weights, precision=options.precision, device=device, weights_only=True
        )
        tokenizer = open_clip.get_tokenizer(options.model)
    except StageError:
        raise
    except Exception as error:  # torch, transformers, timm, safetensors and the hub share no type of error
        raise StageError(_what_to_do(options, error)) from error
    return Clip(
        model=model.eval(),
        preprocess=preprocess,
        tokens=Tokens(tokenizer),
        device=device,
        name=short_name(options.model),
        weights_hash=hash_of(files),
        dimension=int(config["embed_dim"]),
        preprocessing=_in_words(model.visual.preprocess_cfg),
    )


def short_name(model: str) -> str:
    """Give the model's name without where it lies, so that a moved folder keeps its identity."""
    return model.removeprefix(FOLDER).removeprefix(HUB).rstrip("/").rpartition("/")[2]


def hash_of(files: Sequence[Path]) -> str:
    """Give the sha256 of a weights file, or of the hashes of several, in hex."""
    hashes = [_file_hash(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_hash(file: Path, _size: int, _changed: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _device(wanted: str) -> torch.device:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next(name for name in ("cuda", "mps", "cpu") if there[name])
    kind, _, number = wanted.partition(":")
    if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
        raise StageError(f"'clip' cannot run on device '{wanted}', which is not there; write 'device: auto' or 'cpu'")
    return torch.device(wanted)


def _config(options: ClipOptions) -> dict[str, Any]:
    """Read the architecture; refuse what would run code that comes with a model."""
    if options.model.startswith(FOLDER):
        file = Path(options.model.removeprefix(FOLDER), CONFIG)
        if not file.is_file():
            raise StageError(f"'clip' finds no open_clip model in '{file.parent}': there is no '{CONFIG}' in it")
    try:
        config = open_clip.get_model_config(options.model.replace("/", "-") if options.weights else options.model)
    except Exception as error:  # the hub's client and json share no type of error
        raise StageError(_what_to_do(options, error)) from error
    if config is None:
        near = difflib.get_close_matches(options.model, open_clip.list_models(), n=3)
        guess = f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
        raise StageError(f"open_clip has no architecture '{options.model}'{guess}")
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= config.keys():
        raise StageError(f"'{CONFIG}' of '{options.model}' does not describe a model with two towers")
    if "trust_remote_code" in json.dumps(config):
        raise StageError(f"'{options.model}' asks for trust_remote_code; models that bring code are not loaded")
    return dict(config)


def _weight_files(options: ClipOptions) -> list[Path]:
    """Find the files whose hash stands for the weights; those on the hub are downloaded, or found in its cache."""
    if options.model.startswith(FOLDER):
        folder = Path(options.model.removeprefix(FOLDER))
        files = sorted(file for ending in _CHECKPOINTS for file in folder.glob(ending))
        if not files:
            raise StageError(f"'clip' finds no weights in '{folder}' (*.safetensors, *.bin or *.pth)")
        return files
    if options.model.startswith(HUB):
        return [Path(download_pretrained_from_hf(options.model.removeprefix(HUB)))]
    weights, model = str(options.weights), options.model.replace("/", "-")
    tag = open_clip.get_pretrained_cfg(model, weights)
    if tag:
        return [Path(open_clip.download_pretrained(tag))]
    if Path(weights).is_file():
        return [Path(weights)]
    if Path(weights).is_absolute():
        raise StageError(f"'clip' finds no weights file '{weights}'")
    tags = open_clip.list_pretrained_tags_by_model(model)
    there = f"there is: {', '.join(tags)}" if tags else "there is none, so name a weights file"
    raise StageError(f"'{options.model}' has no pretrained tag '{weights}' ({there})")


def _what_to_do(options: ClipOptions, error: Exception) -> str:
    cause = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    local = options.model.startswith(FOLDER) or Path(options.weights or "").is_absolute()
    if local:
        where = options.weights or options.model.removeprefix(FOLDER)
        return f"'clip' cannot load the model in '{where}': {cause}"
    wanted = f"'{options.model}'" + (f" with weights '{options.weights}'" if options.weights else "")
    remedy = "'weights: PATH' with its file" if options.weights else "'model: PATH' with its folder"
    return (
        f"'clip' cannot get {wanted} from the model hub, and it is not in the hub's cache on this machine; fetch it "
        f"where the hub can be reached, or write {remedy} ({cause})"
    )


def _in_words(settings: dict[str, Any]) -> str:
    size = settings["size"]
    side = size if isinstance(size, int) else "x".join(str(number) for number in size)
    numbers = [" ".join(f"{float(number):g}" for number in settings[key]) for key in ("mean", "std")]
    how = f"{settings['resize_mode']} {settings['interpolation']} fill {settings['fill_color']}"
    return f"on white, {how}, size {side}, mean {numbers[0]}, std {numbers[1]}"
