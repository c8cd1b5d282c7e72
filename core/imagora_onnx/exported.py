"""Exported models in the cache folder: made once, whole or not at all, and made again where something is missing."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from imagora.errors import StageError

SIZES = "sizes.json"
"""Lists an export's files with their sizes in bytes; written last, so that a folder without it is not whole."""

Export = Callable[[Path], None]
_log = logging.getLogger(__name__)


def cache_folder(plugin: str) -> Path:
    """Give a plugin's folder for exported models: in $IMAGORA_CACHE, else in the user's cache folder."""
    chosen = os.environ.get("IMAGORA_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute() / plugin
    import platformdirs

    return platformdirs.user_cache_path("imagora") / plugin


def exported(plugin: str, name: str, export: Export) -> Path:
    """Give the folder `name` in a plugin's cache, after `export` has filled it if it is not there or not whole.

    Where the cache folder cannot be written, this process has a temporary one, with a warning in the log.
    """
    folder = cache_folder(plugin) / name
    if _is_whole(folder):
        return folder
    try:
        return _made_once(folder, export)
    except OSError as error:
        what = f"the cache folder '{folder.parent}' cannot be written ({error.strerror or error})"
        what += "; set IMAGORA_CACHE to a folder that can"
        _log.warning("%s; until then each process exports the models anew", what)
        try:
            return _made_once(_temporary() / name, export)
        except OSError as other:
            raise StageError(f"{what}, for a temporary one fails too: {other.strerror or other}") from other


def _made_once(folder: Path, export: Export) -> Path:
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"{folder.name}.lock"):  # other processes wait, and then find it made
        if not _is_whole(folder):
            with TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as scratch:
                _make(Path(scratch) / "new", export)
                if folder.exists() or folder.is_symlink():
                    folder.rename(Path(scratch) / "old")  # goes with the scratch folder
                (Path(scratch) / "new").rename(folder)
    return folder


def _make(folder: Path, export: Export) -> None:
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        export(folder)
    (folder / SIZES).write_text(json.dumps({file.name: file.stat().st_size for file in sorted(folder.iterdir())}))
    for file in folder.iterdir():
        descriptor = os.open(file, os.O_RDWR)
        os.fsync(descriptor)
        os.close(descriptor)


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / SIZES).read_text(encoding="utf-8"))
        return bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _temporary() -> Path:
    folder = mkdtemp(prefix="imagora-models-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
