"""Where a model's files are on this machine, found without loading anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imagora import Model
from imagora.errors import StageError


def model_of(name: str) -> Model:
    """Give the model of that name: a folder's path, or a name on the model hub, whose cache is looked into."""
    return Model(Path(name).name if Path(name).is_absolute() else name, lambda: _files(name))


def _files(name: str) -> Iterable[Path]:
    folder = Path(name) if Path(name).is_absolute() else _in_the_cache(name)
    found = sorted(path for ending in ("*.safetensors", "*.bin") for path in folder.rglob(ending))
    if not found:
        raise StageError(
            f"there are no weights in '{folder}' (*.safetensors or *.bin); write 'model: PATH' with a model"
        )
    return found


def _in_the_cache(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except Exception:  # the hub's client has many errors for what is not there
        what = f"'{name}' is not in the model hub's cache on this machine"
        raise StageError(
            f"{what}; fetch it where the hub can be reached, or write 'model: PATH' with its folder"
        ) from None
