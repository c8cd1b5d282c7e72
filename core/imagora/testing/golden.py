"""The golden set: eight drawn pictures with their words, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, ImageDraw, ImageOps

from imagora.answer import Passage
from imagora.item import PICTURE, TEXT, URI, Item, Picture, item_id
from imagora.passages import passage_of, payload_of
from imagora.stages import Embedder, Entry, Hit, Index, PictureEmbedder, SparseEmbedder

_DRAWN = {  # corners, and the size in pixels that the shape is stretched to
    "red circle": (60, (160, 160)),
    "green square": (4, (180, 180)),
    "blue triangle": (3, (180, 180)),
    "yellow bar": (4, (190, 60)),
    "black pole": (4, (60, 190)),
    "purple hexagon": (6, (120, 120)),
    "orange ellipse": (60, (190, 90)),
    "grey roof": (3, (190, 80)),
}


def png(picture: Image.Image) -> bytes:
    """Give a picture's bytes as PNG."""
    picture.save(file := BytesIO(), "PNG")
    return file.getvalue()


def draw(words: str) -> Image.Image:
    """Draw one of the shapes in its colour on white, 192 by 192 pixels."""
    (corners, size), shape, picture = _DRAWN[words], *(Image.new("RGB", (192, 192), "white") for _ in range(2))
    ImageDraw.Draw(shape).regular_polygon((96, 96, 95), corners, fill=words.partition(" ")[0])
    picture.paste(shape.resize(size), ((192 - size[0]) // 2, (192 - size[1]) // 2))
    return picture


PICTURES = {words: png(draw(words)) for words in _DRAWN}
_RED = draw("red circle")
ODD = {str(size): png(_RED.resize(size)) for size in ((1, 1), (1500, 2), (3, 900))}
ODD |= {mode: png(_RED.convert(mode)) for mode in ("L", "RGBA", "P", "1")}
LONG = "a drawing of many words " * 5_000
"""Words that are longer than any model reads."""
NEAR = [png(ImageOps.mirror(draw(words)).resize((128, 128))) for words in _DRAWN]  # smaller, and turned left to right
ITEMS = [
    Item(words, f"a drawing of a {words}", picture, {"title": words, "colour": words.split()[0], "number": number})
    for number, (words, picture) in enumerate(PICTURES.items())
]


def picture_of(words: str) -> Picture:
    """Give one of the pictures as a query has it."""
    return Picture(PICTURES[words], 192, 192, hashlib.sha256(PICTURES[words]).hexdigest(), "PNG 192x192")


def odd_pictures() -> list[Picture]:
    """Give pictures of odd sizes as a query or a prompt has them."""
    shown = [ODD[size] for size in ("(1, 1)", "(1500, 2)", "(3, 900)")]
    sizes = [Image.open(BytesIO(png)).size for png in shown]
    return [
        Picture(png, *size, hashlib.sha256(png).hexdigest(), f"PNG {size[0]}x{size[1]}")
        for png, size in zip(shown, sizes, strict=True)
    ]


def fill(index: Index, embedders: Mapping[str, Embedder]) -> None:
    """Open an index for these embedders, by leg, and write the golden items into it."""
    index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
    words, vectors = [item.words for item in ITEMS], {}
    for leg, embedder in embedders.items():
        if isinstance(embedder, SparseEmbedder):
            vectors[leg] = list[Any](embedder.embed_texts(words))
        elif leg == "image" and isinstance(embedder, PictureEmbedder):
            vectors[leg] = embedder.get_image_embedding_batch([BytesIO(picture) for picture in PICTURES.values()])
        else:
            vectors[leg] = embedder.get_text_embedding_batch(words)
    ids = [item_id("golden", item.uri) for item in ITEMS]
    index.upsert([Entry(ids[n], {leg: vectors[leg][n] for leg in vectors}, payload_of(ITEMS[n])) for n in range(8)])


def passages(folder: Path) -> list[Passage]:
    """Give the eight as passages, pictures in `folder`: the fourth has no score, the last two have no words."""
    found = []
    for number, item in enumerate(ITEMS):
        (path := folder / f"{number}.png").write_bytes(PICTURES[item.uri])
        words = {"title": item.uri, TEXT: item.text} if number < 6 else {}
        hit = Hit(str(UUID(int=number + 1)), 1 - number / 10, {}, {**words, PICTURE: str(path), URI: path.name})
        found.append(passage_of(hit))
    found[3].score = None
    return found


def need(contract: Any, capability: str) -> None:
    """Skip a test of what the component does not claim to do."""
    if not getattr(contract, capability):
        pytest.skip(f"this component has {capability} = False")
