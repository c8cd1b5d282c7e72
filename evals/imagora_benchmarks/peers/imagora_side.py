"""Imagora as a user has it: a recipe, and `pipeline.search`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imagora
from imagora.item import Item, item_id
from imagora.passages import payload_of
from imagora.stages import Entry

from .corpus import Corpus, corpus_of
from .setup import Names, Search, Setup

LEGS = {"words": "text", "pictures": "image"}
PACKAGES = ("imagora", "llama-index-core", "onnxruntime", "qdrant-edge-py")
RECIPE = """
recipe: 1
embedders: {{{leg}: {{use: starter, threads: 1, backend: {backend}}}}}
index: {{use: qdrant, path: ./index}}
retriever: {{use: hybrid, top_k: {k}}}
"""
_AT_ONCE = 500


def opened(setup: Setup) -> tuple[Search, Names]:
    """Load the recipe whose index `fill` has filled."""
    pipeline = imagora.load(setup.folder / "recipe.yaml")
    return pipeline.search, lambda found: [passage.metadata["uri"] for passage in found.passages]


class _Int8:
    """The same with MiniLM's matrices in 8 bits, for the corpus as for the queries, in an index of its own."""

    PACKAGES = PACKAGES

    @staticmethod
    def opened(setup: Setup) -> tuple[Search, Names]:
        folder = setup.folder / "int8"
        folder.mkdir()
        fill(folder, corpus_of(len(setup.corpus.texts), int8=True), setup.k, "words", "onnx-int8")
        return opened(replace(setup, folder=folder))


int8 = _Int8()


def fill(folder: Path, corpus: Corpus, k: int, by: str, backend: str = "onnx") -> None:
    """Write the recipe and the corpus' vectors into its index, by the index's own door; graphs are built at the end."""
    (folder / "recipe.yaml").write_text(RECIPE.format(k=k, leg=LEGS[by], backend=backend))
    with imagora.load(folder / "recipe.yaml") as pipeline:
        index, embedders = pipeline.stages.index, pipeline.stages.embedders
        assert index is not None  # noqa: S101 - the recipe above has one
        index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
        for start in range(0, len(corpus.texts), _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, len(corpus.texts)))
            index.upsert([_entry(corpus, number, LEGS[by]) for number in numbers])


def _entry(corpus: Corpus, number: int, leg: str) -> Entry:
    item = Item(corpus.uri(number), corpus.texts[number])
    return Entry(item_id("peers", item.uri), {leg: corpus.vectors[number].tolist()}, payload_of(item))
