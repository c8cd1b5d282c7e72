"""An embedded index of generated vectors, built batch by batch, so that memory does not grow with what is generated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagora
from imagora.assembly import build
from imagora.item import Item, JSONValue, item_id
from imagora.passages import payload_of
from imagora.stages import Entry, Identity, SparseVector
from imagora_recipe.check import check

from .clustered import Clustered

WORDS, TERMS = 30_000, 20
"""The vocabulary of the sparse leg, and the terms of an item."""
TEXT = "An item of a corpus that was generated, with as many letters as a caption of two sentences has. " * 2
BATCH = 2_000
RECIPE = """
recipe: 1
source: {use: folder, path: .}
embedders: {text: {use: starter}, sparse: {use: bm25}}
index: {use: qdrant, path: ./index, fields: {price: float}}
retriever: {use: hybrid}
"""


@dataclass(frozen=True)
class Generated:
    """What is in the index: vectors on a dense leg, and where `whole`, term weights and payloads as captions have."""

    vectors: Clustered
    whole: bool = False

    @property
    def legs(self) -> Mapping[str, Identity]:
        """Give who is said to have made the vectors."""
        made = f"{self.vectors.clusters}-{self.vectors.seed}-{self.vectors.spread}"
        dense = Identity("generated", made, "none", self.vectors.dimension, "cosine")
        return (
            {"text": dense, "sparse": Identity("generated", made, "none", 0, "bm25")} if self.whole else {"text": dense}
        )

    def entry(self, number: int, vector: list[float]) -> Entry:
        """Give one item."""
        if not self.whole:
            return Entry(id_of(number), {"text": vector}, {"_uri": str(number)})
        chance = random.Random(number)  # noqa: S311 - no secret
        terms = tuple(sorted({int(WORDS * chance.random() ** 3) for _ in range(TERMS)}))
        sparse = SparseVector(terms, tuple(1 + chance.random() for _ in terms))
        metadata: dict[str, JSONValue] = {
            "title": f"Number {number}",
            "price": number % 1000 / 10,
            "licence": "CC0-1.0",
        }
        item = Item(f"{number:07}.png", TEXT, Path(f"/pictures/{number:07}.png"), metadata)
        return Entry(id_of(number), {"text": vector, "sparse": sparse}, payload_of(item))


def id_of(number: int) -> str:
    """Give the id of the item with a number."""
    return item_id("generated", str(number))


def opened(folder: Path, generated: Generated, tell: Callable[[str], None] = print) -> Any:
    """Give the index, open; what is not in it yet is written, so that an interrupted one goes on.

    The index is the one of a recipe with nothing but a path and a field, so everything else is as it ships.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    plan = check(folder / "recipe.yaml")
    assert plan.index is not None  # noqa: S101 - the recipe above has one
    index = build(plan.index, imagora.BuildContext(recipe="generated"))
    index.open(generated.legs, create=True)
    there = index.count()
    started, done = time.monotonic(), 0
    for block in () if there == generated.vectors.items else generated.vectors.blocks():
        for at in range(0, len(block), BATCH):
            part = block[at : at + BATCH]
            if done + len(part) > there:
                entries = [generated.entry(done + n, vector) for n, vector in enumerate(part.tolist())]
                index.upsert(entries)
            done += len(part)
        if done > there:
            tell(f"{done} of {generated.vectors.items} items, {time.monotonic() - started:.0f} s")
    return index


def built(folder: Path, generated: Generated, tell: Callable[[str], None] = print) -> float:
    """Build the index and close it, which finishes its graphs; give the seconds."""
    started = time.monotonic()
    opened(folder, generated, tell).close()
    return time.monotonic() - started
