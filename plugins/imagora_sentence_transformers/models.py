"""Models of sentence-transformers: loaded safely, hashed, and every failure said in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from imagora.errors import StageError

from .options import CrossEncoderOptions, EmbeddingOptions

ModelT = TypeVar("ModelT")
_MEDIA = {"image", "audio", "video"}


def load(
    component: str, options: EmbeddingOptions | CrossEncoderOptions, make: Callable[[str, str, bool], ModelT]
) -> ModelT:
    """Load a model by `make(name, device, is_local)`; raises StageError with what to do where that fails."""
    name, backend = options.model, options.backend
    where = device_there(component, options.device if backend == "torch" else "cpu")
    is_local = Path(name).is_absolute()
    if is_local and not Path(name, "config.json").is_file() and not Path(name, "modules.json").is_file():
        what = f"'{component}' finds no model in '{name}': there is no config.json or modules.json in it"
        raise StageError(f"{what}; name another folder with 'model: PATH'")
    try:
        model = make(name, where, is_local)
    except Exception as error:  # torch, transformers, safetensors and the hub share no type of error
        raise StageError(_what_to_do(component, name, is_local, error)) from error
    media = _MEDIA & {str(kind) for kind in getattr(model, "modalities", ())}
    if media:
        raise StageError(
            f"'{component}' takes models of words only, and '{name}' takes {' and '.join(sorted(media))} too: it would "
            "fetch a text that is an address; choose a text model"
        )
    if backend != "torch":
        from .backend import run_on_onnx

        run_on_onnx(model, weights_hash(name, model), int8=backend == "onnx-int8")
    return model


def device_there(component: str, wanted: str) -> str:
    """Give the device to use; raises StageError where the wanted one is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    kind, _, number = wanted.partition(":")
    if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
        raise StageError(
            f"'{component}' cannot run on device '{wanted}', which is not there; write 'device: auto' or 'cpu'"
        )
    return wanted


def weights_hash(name: str, model: Any) -> str:
    """Give a sha256 in hex: of the files that hold the weights, or of the tensors where they cannot be found."""
    files = weight_files(Path(name) if Path(name).is_absolute() else _folder_of(name))
    if not files:
        return _tensors_hash(model)
    hashes = [_file_hash(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def weight_files(folder: Path | None) -> list[Path]:
    """Find the weights of each module of a model's folder: safetensors where there are, else torch's own files."""
    if folder is None:
        return []
    modules = folder / "modules.json"
    listed = [module["path"] for module in json.loads(modules.read_text("utf-8"))] if modules.is_file() else [""]
    found: list[Path] = []
    for place in dict.fromkeys(folder / path for path in listed):
        found += sorted(place.glob("*.safetensors")) or sorted(place.glob("*.bin"))
    return found


def _folder_of(name: str) -> Path | None:
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError):
        return None


@lru_cache(maxsize=64)
def _file_hash(file: Path, _size: int, _changed: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _tensors_hash(model: torch.nn.Module) -> str:
    whole = hashlib.sha256()
    state: dict[str, Any] = model.state_dict()
    for key in sorted(state):
        tensor = state[key].detach().cpu().contiguous()
        whole.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        whole.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _what_to_do(component: str, name: str, is_local: bool, error: Exception) -> str:
    cause = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    if "trust_remote_code" in str(error):
        return f"'{component}' does not load '{name}', because the model brings code of its own ({cause})"
    if is_local:
        return f"'{component}' cannot load the model in '{name}': {cause}"
    return (
        f"'{component}' cannot get '{name}' from the model hub, and it is not in the hub's cache on this machine; "
        f"fetch it where the hub can be reached, or write 'model: PATH' with its folder ({cause})"
    )
