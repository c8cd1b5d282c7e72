"""From options and the stages that were built before to a retriever; every wrong leg is named."""

from __future__ import annotations

from imagora import BuildContext
from imagora.errors import ImagoraError, did_you_mean
from imagora.stages import Index, VectorIndex

from .options import HybridOptions
from .retriever import HybridRetriever


def build(options: HybridOptions, context: BuildContext) -> HybridRetriever:
    """Check the legs against the recipe's embedders and make the retriever; nothing is opened."""
    if context.index is None:
        raise ImagoraError("a hybrid search needs an index, and the recipe has none; add a section 'index'")
    if not context.embedders:
        raise ImagoraError("a hybrid search needs an embedder, and the recipe has none; add a section 'embedders'")
    _check_vectors(options, context.index)
    unknown = [leg for leg in options.legs if leg not in context.embedders]
    if unknown:
        raise ImagoraError(
            "; ".join(
                f"legs: there is no embedder for the leg '{leg}'{did_you_mean(leg, context.embedders)}"
                for leg in unknown
            )
        )
    weights = options.legs or dict.fromkeys(context.embedders, 1.0)
    searched = {leg: weight for leg, weight in weights.items() if weight > 0}
    if not searched:
        raise ImagoraError("legs: every weight is 0, so that nothing would be searched; give at least one leg a weight")
    return HybridRetriever(options, searched, context.embedders, context.index, context.recipe)


def _check_vectors(options: HybridOptions, index: Index) -> None:
    for needs, there in (("fusion: calibrated", options.fusion == "calibrated"), ("variety", options.variety > 0)):
        if there and not isinstance(index, VectorIndex):
            raise ImagoraError(f"'{needs}' needs an index that gives stored vectors back, and the recipe's does not")
