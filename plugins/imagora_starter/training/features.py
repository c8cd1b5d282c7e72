"""The features of all drawings in several views, worked out once and kept in the cache folder."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from imagora_starter.square import white_square
from imagora_starter.training.clipart import Drawing
from imagora_starter.training.tower import FEATURES, Floats, Tower
from imagora_starter.training.views import altered

LARGEST = 512


def view_features(drawings: Sequence[Drawing], views: int, seed: int, cache: Path) -> Floats:
    """Features as views x drawings x 1280; view 0 is the drawing without its margin, the others are altered."""
    names = "\n".join(str(drawing.file) for drawing in drawings)
    label = sha256(f"{seed} {names}".encode()).hexdigest()[:12]
    tower = Tower(cache)
    rows = np.zeros((views, len(drawings), FEATURES), np.float32)
    for view in range(views):
        kept = cache / f"features-{label}-{view or 'trimmed'}.npy"
        if not kept.exists():
            print(f"view {view + 1} of {views}: {len(drawings)} pictures", flush=True)
            np.save(kept, tower.features(squares(drawings, view, seed)).astype(np.float16))
        rows[view] = np.load(kept)
    return rows


def squares(drawings: Sequence[Drawing], view: int, seed: int) -> Iterator[Image.Image]:
    """Each drawing as a square picture; the alterations depend on seed, view and place only."""
    for place, drawing in enumerate(drawings):
        picture = opened(drawing.file)
        if view == 0:
            yield white_square(picture)
        else:
            yield altered(picture, np.random.default_rng([seed, view, place]))


def opened(file: Path) -> Image.Image:
    """The picture with its alpha channel, no larger than needed, because altering large ones is slow."""
    with Image.open(file) as picture:
        rgba = picture.convert("RGBA")
    rgba.thumbnail((LARGEST, LARGEST), Image.Resampling.BICUBIC)
    return rgba
