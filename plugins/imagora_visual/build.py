"""Check that there is what `visual` needs."""

from __future__ import annotations

from imagora import BuildContext
from imagora.errors import ImagoraError
from imagora.stages import PictureEmbedder, VectorIndex

from .options import VisualOptions
from .reranker import LEG, VisualReranker


def build(options: VisualOptions, context: BuildContext) -> VisualReranker:
    """Make the reranker; nothing is opened or loaded."""
    embedder = context.embedders.get(LEG)
    if embedder is None:
        raise ImagoraError("'visual' needs picture vectors, and the recipe has no embedder for the leg 'image'")
    if not isinstance(embedder, PictureEmbedder):
        raise ImagoraError("'visual' needs an embedder of pictures for the leg 'image', and the recipe's takes none")
    if not isinstance(context.index, VectorIndex):
        raise ImagoraError("'visual' needs an index that gives stored vectors back, and the recipe's does not")
    return VisualReranker(options, context.embedders, context.index)
