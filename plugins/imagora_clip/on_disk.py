"""Where a model's files are on this machine, found without loading the model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imagora import Model
from imagora.errors import StageError

from .options import FOLDER, HUB, ClipOptions

ENDINGS = ("*.safetensors", "*.bin", "*.pth", "*.pt")


def model_of(options: ClipOptions) -> Model:
    """Give the model: a folder's, one of the hub, whose cache is looked into, or a file or tag of an architecture."""
    name = options.model.removeprefix(HUB)
    name = Path(name.removeprefix(FOLDER)).name if name.startswith(FOLDER) else name
    return Model(f"{name} {options.weights}" if options.weights else name, lambda: _files(options))


def _files(options: ClipOptions) -> Iterable[Path]:
    if options.weights and Path(options.weights).is_absolute():
        return [Path(options.weights)]
    folder = Path(options.model.removeprefix(FOLDER)) if options.model.startswith(FOLDER) else _in_the_cache(options)
    found = sorted(path for ending in ENDINGS for path in folder.rglob(ending))
    if not found:
        raise StageError(f"there are no weights in '{folder}' (*.safetensors, *.bin or *.pth)")
    return found


def _in_the_cache(options: ClipOptions) -> Path:
    from huggingface_hub import snapshot_download

    name = options.model.removeprefix(HUB)
    try:
        if options.weights:
            from open_clip import get_pretrained_cfg  # type: ignore[import-untyped]  # open_clip ships no types

            name = get_pretrained_cfg(options.model.replace("/", "-"), options.weights)["hf_hub"].rstrip("/")
        return Path(snapshot_download(name, local_files_only=True))
    except Exception:  # the hub's client has many errors for what is not there, and a tag may be none
        remedy = "'weights: PATH' with its file" if options.weights else "'model: PATH' with its folder"
        what = f"'{name}' is not in the model hub's cache on this machine"
        raise StageError(f"{what}; fetch it where the hub can be reached, or write {remedy}") from None
