"""The two towers at work: lists of pictures or texts to lists of unit vectors, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from imagora.errors import StageError
from open_clip import get_input_dtype  # type: ignore[import-untyped]  # open_clip ships no types
from torch import Tensor
from torch.nn.functional import normalize

from .checkpoint import load
from .options import ClipOptions
from .pictures import open_picture, without_far_ends
from .texts import parts

Thing = TypeVar("Thing")


class Towers:
    """A loaded model and its options; safe to share between threads."""

    def __init__(self, options: ClipOptions) -> None:
        self.clip = load(options)
        self._batch_size = options.batch_size
        self._precision = options.precision

    def embed_pictures(self, sources: Sequence[str | Path | BytesIO]) -> list[list[float]]:
        """Give a unit vector for each picture; one run of the picture tower for each batch."""
        vectors: list[list[float]] = []
        for batch in _batches(sources, self._batch_size):
            pixels = torch.stack([self._pixels(source) for source in batch])
            with torch.inference_mode():
                moved = pixels.to(self.clip.device, dtype=get_input_dtype(self._precision))
                vectors += self._unit(self.clip.model.encode_image(moved)).tolist()
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """Give a unit vector for each text; what does not fit the model's length is cut."""
        vectors: list[list[float]] = []
        for batch in _batches(texts, self._batch_size):
            tokens = self.clip.tokens.rows(batch).to(self.clip.device)
            with torch.inference_mode():
                vectors += self._unit(self.clip.model.encode_text(tokens)).tolist()
        return vectors

    def embed_long_texts(self, texts: Sequence[str], long: Sequence[bool]) -> list[list[float]]:
        """Give a unit vector for each text; a long one's is the mean of its parts' unit vectors, made unit again."""
        pieces = [
            parts(text, self.clip.tokens.too_long) if longer else [text]
            for text, longer in zip(texts, long, strict=True)
        ]
        vectors = iter(self.embed_texts([piece for group in pieces for piece in group]))
        groups = [list(islice(vectors, len(group))) for group in pieces]
        return [group[0] if len(group) == 1 else self._unit(torch.tensor(group).mean(0)).tolist() for group in groups]

    def _pixels(self, source: str | Path | BytesIO) -> Tensor:
        return self.clip.preprocess(without_far_ends(open_picture(source)))

    def _unit(self, features: Tensor) -> Tensor:
        vectors = normalize(features.float(), dim=-1).cpu()
        if not torch.isfinite(vectors).all():
            raise StageError(
                f"'clip' gave numbers that are not finite at precision '{self._precision}'; write 'precision: fp32'"
            )
        return vectors


def _batches(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
