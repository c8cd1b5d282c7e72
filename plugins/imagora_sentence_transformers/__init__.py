"""Text embedders and cross-encoders by sentence-transformers."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component, Model

_REQUIRES = ("torch", "transformers", "sentence_transformers")
_EXTRA = "sentence-transformers"

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_embedders() -> list[Component[Any]]:
    """Offer `sentence_transformers`."""
    from .options import EmbeddingOptions

    return [
        Component(
            name="sentence_transformers",
            summary="Words to vectors, by any text model of sentence-transformers.",
            options=EmbeddingOptions,
            build=_build_embedding,
            requires=_REQUIRES,
            extra=_EXTRA,
            models=_models,
        )
    ]


@imagora.hookimpl
def offer_rerankers() -> list[Component[Any]]:
    """Offer `cross_encoder`."""
    from .options import CrossEncoderOptions

    return [
        Component(
            name="cross_encoder",
            summary="Reads the query and each passage's words together and puts the passages in a better order.",
            options=CrossEncoderOptions,
            build=_build_reranker,
            requires=_REQUIRES,
            extra=_EXTRA,
            models=_models,
        )
    ]


def _models(options: Any) -> list[Model]:
    from .on_disk import model_of

    return [model_of(options.model)]


def _build_embedding(options: Any, _context: BuildContext) -> Any:
    from .embedding import SentenceTransformersEmbedding

    return SentenceTransformersEmbedding(options)


def _build_reranker(options: Any, _context: BuildContext) -> Any:
    from .reranker import CrossEncoderReranker

    return CrossEncoderReranker(options)
