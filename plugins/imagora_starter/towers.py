"""The two towers on ONNX Runtime: words to unit vectors, pictures to unit vectors, of one space of 384 dimensions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from imagora.errors import PictureError
from imagora_onnx.running import session
from numpy.typing import NDArray
from PIL import Image

from .export import SIDE, picture_model, text_model
from .memory import Memory
from .square import white_square

MAX_TOKENS = 256
"""What MiniLM was trained on; longer texts are embedded in windows, and the windows' vectors averaged."""
MAX_WINDOWS = 64
"""Some 10,000 English words; what comes after them is not read, so that one text cannot keep a machine busy."""
MAX_CHARACTERS = 40 * MAX_TOKENS * MAX_WINDOWS

FEW = 4
"""How many go through a model at once at most: on a CPU, small batches of sentences pad less and are faster (20 of
them: 58 ms in batches of 4, 72 ms in batches of 16, two threads), and the numbers of few pictures stay in its caches
(an ingest had .88 of the bare embedder's rate with 4, .82 with 16)."""

Floats = NDArray[np.float32]


class TextTower:
    """all-MiniLM-L6-v2 on ONNX Runtime; int8: with its matrices in 8 bits."""

    def __init__(self, threads: int, *, int8: bool = False) -> None:
        from tokenizers import Tokenizer

        folder = text_model(int8=int8)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        special = [self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]")]
        self._cls, self._sep = (int(id_) for id_ in special if id_ is not None)
        self._session = session(folder, threads)
        self._memory = Memory(4096)

    def recall(self, texts: Sequence[str]) -> Floats:
        """Give unit vectors (n x 384), in order, of texts that may have been embedded before: those cost nothing."""
        known = {text: self._memory.get(text) for text in dict.fromkeys(texts)}
        if new := [text for text, vector in known.items() if vector is None]:
            for text, vector in zip(new, self.embed(new, FEW), strict=True):
                known[text] = vector
                self._memory.put(text, vector)
        return np.stack([vector for text in texts if (vector := known[text]) is not None])

    def remember(self, text: str, vector: Floats) -> None:
        """Keep the unit vector (384) of a query for a generator that asks for the same words."""
        self._memory.put(text, vector)

    def embed(
        self, texts: Sequence[str], batch: int, most: int = MAX_WINDOWS, on_longer: Callable[[int], None] | None = None
    ) -> Floats:
        """Give unit vectors (n x 384), in order; texts of one length share batches, so that little is padded.

        most: windows of a text that are read. on_longer: is told, before any is, how many texts have more.
        """
        split = [self._windows(text, most) for text in texts]
        longer = sum(left_over for _, left_over in split)
        if longer and on_longer:
            on_longer(longer)
        if len(texts) == 1 and len(split[0][0]) == 1:  # a query; the model's vectors have unit length
            return self._run(split[0][0])
        windows = [(place, window) for place, (parts, _) in enumerate(split) for window in parts]
        windows.sort(key=lambda pair: len(pair[1]))
        sums = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(windows), batch):
            chunk = windows[start : start + batch]
            places, rows = [place for place, _ in chunk], self._run([ids for _, ids in chunk])
            if len(windows) == len(texts):  # one window each, as nearly all queries are
                sums[places] = rows
            else:
                np.add.at(sums, places, rows)
        return unit(sums)

    def _windows(self, text: str, most: int) -> tuple[list[list[int]], bool]:
        width = MAX_TOKENS - 2
        ids = self._tokenizer.encode(text[:MAX_CHARACTERS], add_special_tokens=False).ids
        left_over = len(ids) > width * most or len(text) > MAX_CHARACTERS
        ids = ids[: width * most]
        return [[self._cls, *ids[at : at + width], self._sep] for at in range(0, max(len(ids), 1), width)], left_over

    def _run(self, windows: list[list[int]]) -> Floats:
        if len(windows) == 1:
            ids = np.array(windows, np.int64)
            (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
            return np.asarray(vectors, np.float32)
        width = max(len(ids) for ids in windows)
        ids, mask = np.zeros((2, len(windows), width), np.int64)
        for row, window in enumerate(windows):
            ids[row, : len(window)], mask[row, : len(window)] = window, 1
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, np.float32)


class PictureTower:
    """EfficientNet-Lite0 with the starter's head on ONNX Runtime; int8: with its convolutions in 8 bits."""

    def __init__(self, threads: int, *, int8: bool = False) -> None:
        self._session = session(picture_model(int8=int8), threads)

    def embed(self, pictures: Sequence[str | Path | BytesIO], batch: int) -> Floats:
        """Give unit vectors (n x 384) for picture files, in order."""
        rows, batch = [np.zeros((0, 384), np.float32)], min(batch, FEW)
        for start in range(0, len(pictures), batch):
            pixels = np.stack([_pixels(picture) for picture in pictures[start : start + batch]])
            rows.append(np.asarray(self._session.run(None, {"pixels": pixels})[0], np.float32))
        return np.concatenate(rows)


def unit(rows: Floats) -> Floats:
    """Give rows at unit length."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), np.float32)


_lock = threading.Lock()


def text_tower(threads: int, *, int8: bool = False) -> TextTower:
    """Give the process's text tower; embedder and generator share it, unless one has it in 8 bits."""
    with _lock:
        return _text_tower(threads, int8=int8)


def picture_tower(threads: int, *, int8: bool = False) -> PictureTower:
    """Give the process's picture tower."""
    with _lock:
        return _picture_tower(threads, int8=int8)


_text_tower, _picture_tower = cache(TextTower), cache(PictureTower)


def _pixels(picture: str | Path | BytesIO) -> Floats:
    try:
        with Image.open(picture) as opened:
            opaque = opened.mode == "RGB" and not opened.has_transparency_data
            read = opened.copy() if opaque else opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        named = f"'{picture}'" if isinstance(picture, str | Path) else "these bytes"
        raise PictureError(f"{named}: not a picture that can be read") from error
    small = white_square(read).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels = np.asarray(small).transpose(2, 0, 1).astype(np.float32, order="C")
    pixels /= np.float32(127.5)
    pixels -= np.float32(1)
    return pixels
