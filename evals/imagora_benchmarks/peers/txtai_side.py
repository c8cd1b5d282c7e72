"""txtai: Embeddings with their defaults, and contents."""

from __future__ import annotations

from typing import Any

from txtai import Embeddings

from .setup import Names, Search, Setup

PACKAGES = ("txtai", "faiss-cpu", "transformers", "torch")


def opened(setup: Setup) -> tuple[Search, Names]:
    """Index the captions; while it does, their vectors come from the corpus instead of the model."""
    corpus = setup.corpus
    numbers = {text: number for number, text in enumerate(corpus.texts)}
    embeddings = Embeddings(path=setup.model, content=True, gpu=False)
    model: Any = embeddings.model
    by_model, model.encode = model.encode, lambda texts, _=None: corpus.vectors[[numbers[text] for text in texts]]
    embeddings.index((corpus.uri(number), text) for number, text in enumerate(corpus.texts))
    model.encode = by_model

    def search(words: str) -> Any:
        return embeddings.search(words, setup.k)

    return search, lambda found: [one["id"] for one in found]
