"""The eight EXIF orientations of one picture get one vector: decoded and embedded as an ingest does it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from imagora.pictures import PictureDecoder
from imagora_benchmarks.hostile_pictures import encoded, scene
from imagora_starter.embedder import StarterEmbedding
from imagora_starter.options import StarterOptions
from PIL import Image

SAVED: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
}
TURNS = Image.Transpose
UNDO = {
    1: None,
    2: TURNS.FLIP_LEFT_RIGHT,
    3: TURNS.ROTATE_180,
    4: TURNS.FLIP_TOP_BOTTOM,
    5: TURNS.TRANSPOSE,
    6: TURNS.ROTATE_90,
    7: TURNS.TRANSVERSE,
    8: TURNS.ROTATE_270,
}
ALIKE = 0.999


@pytest.fixture(scope="module")
def decoder() -> Iterator[PictureDecoder]:
    with PictureDecoder(1) as decoder:
        yield decoder


@pytest.fixture(scope="module")
def embedder() -> StarterEmbedding:
    return StarterEmbedding(StarterOptions())


def stored(image: Image.Image, orientation: int, form: str, *, said: bool = True) -> bytes:
    """The picture as a camera stores it that was held in another way, and that says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation if said else 1
    undo = UNDO[orientation]
    return encoded(image if undo is None else image.transpose(undo), form, exif=exif, **SAVED[form])


def vectors(files: list[bytes], decoder: PictureDecoder, embedder: StarterEmbedding) -> np.ndarray:
    pngs = [BytesIO(decoder.decode(file).png) for file in files]
    found = np.array(embedder.get_image_embedding_batch(pngs), np.float64)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("form", SAVED)
def test_all_eight_orientations_embed_alike(form: str, decoder: PictureDecoder, embedder: StarterEmbedding) -> None:
    found = vectors([stored(scene(size=(384, 256)), number, form) for number in UNDO], decoder, embedder)
    least = float((found @ found.T).min())
    print(f"\n{form}: least cosine {least:.6f}")
    assert least >= ALIKE


def test_turned_pictures_that_do_not_say_so_embed_otherwise(
    decoder: PictureDecoder, embedder: StarterEmbedding
) -> None:
    image = scene(size=(384, 256))
    found = vectors([stored(image, number, "PNG", said=False) for number in UNDO], decoder, embedder)
    assert (found @ found.T)[0, 1:].max() < ALIKE  # else the test above could not fail
