"""The folder that the runtime reads, made of a GGUF file once and kept in the cache folder."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs
from filelock import FileLock
from imagora.errors import MissingExtra, StageError

from .options import PACKAGE, PIP_LINE

VERSION = "1"
"""Changes with the graph, so that no older export is used."""


def weights(told: Path | None) -> Path:
    """Give the GGUF file: the one told, else the package's; where it is missing, the error says what to type."""
    if told is not None:
        if not told.is_file():
            raise StageError(f"there is no file '{told}' ('weights' in the recipe)")
        return told
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError as error:
        raise MissingExtra(f"the package '{PACKAGE}' with the model is not installed; type: {PIP_LINE}") from error
    found = [Path(str(file.locate())) for file in files if file.name.endswith(".gguf")]
    if not found or not found[0].is_file():
        raise MissingExtra(f"the package '{PACKAGE}' is there without its model; type: {PIP_LINE} --force-reinstall")
    return found[0]


def folder_of(source: Path) -> Path:
    """Give the folder with the export of a GGUF file, made when it is first asked for, whole or not at all."""
    said = source.stat()
    chosen = os.environ.get("IMAGORA_CACHE")
    cache = (Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("imagora")) / "smollm2"
    folder = cache / f"{source.stem}-{said.st_size}-{said.st_mtime_ns:x}-{VERSION}"
    if (folder / "whole").exists():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{folder.name}.lock"):  # other processes wait, and then find it made
            if not (folder / "whole").exists():
                _make(source, folder)
    except OSError as error:
        what = f"the cache folder '{cache}' cannot be written ({error.strerror or error})"
        raise StageError(f"{what}; set IMAGORA_CACHE to a folder that can") from error
    return folder


def _make(source: Path, folder: Path) -> None:
    from .folder import fill

    with TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        try:
            fill(source, made)
        except (KeyError, ValueError) as error:
            what = f"'{source}' is not a GGUF file of SmolLM2 in Q4_1 and Q8_0 ({error})"
            raise StageError(f"{what}; 'weights' names another, without it the package's is used") from error
        for file in made.iterdir():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        (made / "whole").touch()
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
