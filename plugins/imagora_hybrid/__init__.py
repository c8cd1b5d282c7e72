"""The retriever `hybrid`: one search over pictures, texts and terms, fused by the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from .options import HybridOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_retrievers() -> list[imagora.Component[Any]]:
    """Offer the retriever `hybrid`."""
    from .options import HybridOptions

    return [
        imagora.Component(
            name="hybrid",
            summary="one search over the index's picture, text and sparse legs, fused there",
            options=HybridOptions,
            build=_build,
        )
    ]


def _build(options: HybridOptions, context: imagora.BuildContext) -> Any:
    from .build import build

    return build(options, context)
