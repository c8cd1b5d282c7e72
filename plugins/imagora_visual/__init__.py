"""The reranker `visual`: passages in a new order by how like their stored pictures are to the query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from .options import VisualOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_rerankers() -> list[imagora.Component[Any]]:
    """Offer the reranker `visual`."""
    from .options import VisualOptions

    return [
        imagora.Component(
            name="visual",
            summary="compares the query's words and pictures with the passages' stored picture vectors",
            options=VisualOptions,
            build=_build,
        )
    ]


def _build(options: VisualOptions, context: imagora.BuildContext) -> Any:
    from .build import build

    return build(options, context)
