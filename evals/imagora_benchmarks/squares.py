"""A corpus of small pictures made by code, and a quick embedder for it that counts what it embeds.

What these measure is the road of an item, not a model: folder, decoder, ledger and Qdrant are the real ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import imagora
import imagora_folder
import imagora_hybrid
import imagora_ingestion
import imagora_qdrant
from imagora.catalog import Catalog
from imagora.stages import Identity
from PIL import Image

SIDE, GRID = 48, 4
COUNTED = "IMAGORA_EVALS_EMBEDDED"
"""The environment variable that names the file which gets a byte for every embedded picture, before it is embedded."""


def write_squares(folder: Path, numbers: Iterable[int], version: int = 1) -> None:
    """Write a picture and a text for each number; both are others in another version."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        picture = Image.new("RGB", (GRID, GRID))
        seed = number * 31 + version * 7
        dots = [((seed * (n + 3)) % 256, (seed * (n + 5) // 256) % 256, (n * 16) % 256) for n in range(GRID * GRID)]
        picture.putdata(dots)
        picture.resize((SIDE, SIDE), Image.Resampling.NEAREST).save(folder / f"{number:06}.png")
        write_words(folder, number, version)


def write_words(folder: Path, number: int, version: int, price: int = 1) -> None:
    """Write the words and the metadata of a picture; only the latter has the price."""
    said = f'{{"text": "square {number} of version {version}", "price": {price}}}'
    (folder / f"{number:06}.json").write_text(said, encoding="utf-8")


class SquareEmbedder:
    """The mean colours of a grid, as a unit vector of 48 numbers."""

    def identity(self) -> Identity:
        """Say what made the vectors."""
        return Identity("squares", "none", f"grid of {GRID}", 3 * GRID * GRID, "cosine")

    def get_image_embedding_batch(self, img_file_paths: Sequence[Any]) -> list[list[float]]:
        """Embed pictures."""
        if COUNTED in os.environ:
            with Path(os.environ[COUNTED]).open("ab", buffering=0) as file:
                file.write(b"." * len(img_file_paths))
        return [self._vector(file) for file in img_file_paths]

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        """Give every text the same vector: this embedder is for pictures."""
        return [[1.0] + [0.0] * (3 * GRID * GRID - 1) for _ in texts]

    def get_query_embedding(self, query: str) -> list[float]:
        """Embed the words of a query."""
        return self.get_text_embedding_batch([query])[0]

    def get_image_embedding(self, img_file_path: str | BytesIO) -> list[float]:
        """Embed the picture of a query."""
        return self._vector(img_file_path)

    async def aget_query_embedding(self, query: str) -> list[float]:
        """Embed the words of a query."""
        return self.get_query_embedding(query)

    async def aget_image_embedding(self, img_file_path: str | BytesIO) -> list[float]:
        """Embed the picture of a query."""
        return self.get_image_embedding(img_file_path)

    def _vector(self, file: Any) -> list[float]:
        with Image.open(file) as picture:
            small = picture.convert("RGB").resize((GRID, GRID), Image.Resampling.BOX).tobytes()
        length = sum(value * value for value in small) ** 0.5 or 1.0
        return [value / length for value in small]


class Squares:
    """The plugin that offers the embedder."""

    @imagora.hookimpl
    def offer_embedders(self) -> list[imagora.Component[Any]]:
        """Offer the embedder `squares`."""
        about = "mean colours, for measuring everything but an embedder"
        return [imagora.Component("squares", about, imagora.Options, lambda _options, _context: SquareEmbedder())]


def catalog() -> Catalog:
    """Give a catalog of the real parts and this embedder."""
    return Catalog.of(Squares(), imagora_folder, imagora_hybrid, imagora_ingestion, imagora_qdrant)


def write_recipe(folder: Path) -> Path:
    """Write the recipe that ingests `pictures` in a folder into `index` there, with pictures and BM25."""
    recipe = folder / "squares.yaml"
    recipe.write_text(
        "recipe: 1\nsource: {use: folder, path: ./pictures}\n"
        "embedders: {image: {use: squares}, sparse: {use: bm25}}\n"
        "index: {use: qdrant, path: ./index}\nretriever: {use: hybrid}\n",
        encoding="utf-8",
    )
    return recipe


def ingest_squares(folder: Path) -> imagora.IngestReport:
    """Ingest what is in a folder."""
    from imagora.assembly import assemble
    from imagora_recipe.check import check

    plan = check(folder / "squares.yaml", catalog())
    with imagora.Pipeline(plan, assemble(plan)) as pipeline:
        return pipeline.ingest()
