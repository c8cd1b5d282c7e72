"""How long it takes to embed a corpus, by a sample on this machine; and what embedding a query costs."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from imagora.item import Item, Picture
from imagora.stages import Embedder, Prepared, SparseEmbedder
from imagora_ingestion.embedding import embed

from .figures import Figure
from .needs import Needs

SIDE, QUERIES = 384, 20
BATCH = 32
_WORDS = ("red", "blue", "small", "wooden", "metal", "boat", "horse", "lamp", "clock", "garden", "street", "harbour")


@dataclass(frozen=True)
class Sample:
    """What was measured here: items a second, core seconds of a query, and of how many items and queries."""

    rate: float
    query: float
    items: int


def sample(embedders: Mapping[str, Embedder], needs: Needs, items: int = BATCH) -> Sample:
    """Embed drawn pictures with captions of `needs.words` words, and queries; the first batch warms up."""
    made = [(str(number), _item(number, needs, pictures="image" in embedders)) for number in range(items)]
    embed(made[: min(4, items)], embedders)
    started = time.perf_counter()
    for start in range(0, items, BATCH):
        embed(made[start : start + BATCH], embedders)
    rate = items / (time.perf_counter() - started)
    return Sample(rate, _query_seconds(embedders), items)


def hours(needs: Needs, rate: float, workers: int, by: str) -> list[Figure]:
    """Give the hours that embedding the corpus takes with so many processes of this speed."""
    taken = needs.items / rate / workers / 3600
    worked = f"{needs.items:,} / {rate:.1f} /s / {workers} / 3600 s"
    found = Figure("ingest", "embedding rate", rate, "items/s", "rate", by)
    return [found, Figure("ingest", "embedding", taken, "hours", "embed", worked, total=True)]


def _query_seconds(embedders: Mapping[str, Embedder]) -> float:
    """Give the processor time of embedding a query; an embedder on two legs embeds it once."""
    distinct = list({id(one): one for one in embedders.values()}.values())
    started = 0.0
    for number in range(-2, QUERIES):
        if number == 0:
            started = time.process_time()
        for embedder in distinct:
            words = f"a {_WORDS[number % len(_WORDS)]} thing, number {number}"
            if isinstance(embedder, SparseEmbedder):
                embedder.embed_query(words)
            else:
                embedder.get_text_embedding_batch([words])
    return (time.process_time() - started) / QUERIES


def _item(number: int, needs: Needs, *, pictures: bool) -> Prepared:
    chance = random.Random(number)  # noqa: S311 - no secret
    words = " ".join(chance.choice(_WORDS) for _ in range(max(1, round(needs.words))))
    return Prepared(Item(str(number), words), _picture(chance) if pictures else None)


def _picture(chance: random.Random) -> Picture:
    from PIL import Image, ImageDraw

    drawn = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(drawn)
    for _ in range(8):
        left, top = chance.randrange(SIDE), chance.randrange(SIDE)
        pen.ellipse((left, top, left + 90, top + 60), fill=tuple(chance.randrange(256) for _ in range(3)))
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return Picture(file.getvalue(), SIDE, SIDE, "0" * 64, "drawn")
