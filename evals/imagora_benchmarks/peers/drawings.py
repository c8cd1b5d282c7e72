"""Pictures drawn by code: the queries by picture, and what stored picture vectors are made of."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from imagora_starter.head import weights_digest
from PIL import Image, ImageDraw

from .corpus import WIDTH, Floats, kept_folder

_EXAMPLES = 200
_NOISE = 0.02


def drawn(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Draw pictures of coloured boxes and discs, 320 by 240, none like another; another seed gives others."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - no secret
    files = []
    for number in range(count):
        picture = Image.new("RGB", (320, 240), _colour(chance))
        pen = ImageDraw.Draw(picture)
        for draw in (pen.rectangle, pen.ellipse, pen.rectangle, pen.ellipse):
            left, top = chance.randrange(260), chance.randrange(180)
            draw((left, top, left + chance.randrange(20, 160), top + chance.randrange(20, 120)), fill=_colour(chance))
        files.append(folder / f"{number}.png")
        picture.save(files[-1])
    return files


def picture_vectors(items: int, folder: Path) -> Floats:
    """Give unit vectors (n x 384): mixtures of two drawn pictures' vectors and some noise, for 100,000 take an hour.

    folder: where the pictures are drawn; their vectors are kept in the cache folder.
    """
    examples = _examples(folder)
    chance = np.random.default_rng(0)
    one, other = chance.integers(0, len(examples), (2, items))
    share = chance.random((items, 1), np.float32)
    mixed = share * examples[one] + (1 - share) * examples[other]
    mixed += chance.normal(scale=_NOISE, size=(items, WIDTH)).astype(np.float32)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _examples(folder: Path) -> Floats:
    kept = kept_folder() / f"drawings-{_EXAMPLES}-{weights_digest()[:16]}.npy"
    if not kept.exists():
        from imagora_starter.towers import picture_tower

        vectors = picture_tower(0).embed(drawn(folder, _EXAMPLES, seed=1), 16)
        unfinished = kept.with_suffix(".unfinished.npy")
        np.save(unfinished, vectors)
        unfinished.replace(kept)
    return np.asarray(np.load(kept), np.float32)


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)
