"""Qdrant for Imagora: an index that runs inside this process or on a server, and BM25 for its sparse leg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagora.health import Check

    from .options import Bm25Options, QdrantOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_indexes() -> list[imagora.Component[Any]]:
    """Offer the index `qdrant`."""
    from .options import QdrantOptions

    return [
        imagora.Component(
            name="qdrant",
            summary="one Qdrant collection of picture, text and sparse vectors, in a folder or on a server",
            options=QdrantOptions,
            build=_index,
            requires=("qdrant_edge", "qdrant_client"),
            extra="qdrant",
            checks=_checks,
        )
    ]


@imagora.hookimpl
def offer_embedders() -> list[imagora.Component[Any]]:
    """Offer the sparse embedder `bm25`."""
    from .options import Bm25Options

    return [
        imagora.Component(
            name="bm25",
            summary="BM25 term weights for the sparse leg of a Qdrant index; needs no server",
            options=Bm25Options,
            build=_bm25,
            requires=("qdrant_edge",),
            extra="qdrant",
        )
    ]


def _checks(options: QdrantOptions) -> Iterable[Check]:
    from .health import checks

    return checks(options)


def _index(options: QdrantOptions, context: imagora.BuildContext) -> Any:
    from .index import EmbeddedIndex, QdrantIndex

    return (QdrantIndex if options.path is None else EmbeddedIndex)(options, context.recipe)


def _bm25(options: Bm25Options, _context: imagora.BuildContext) -> Any:
    from .bm25 import Bm25Embedder

    return Bm25Embedder(options)
