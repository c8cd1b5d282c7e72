"""Early fusion: one vector of a picture and its words, by any embedder of pictures and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagora import BuildContext, Component, hookimpl

if TYPE_CHECKING:
    from .options import EarlyFusionOptions

imagora_api = ">=1.0,<2"


@hookimpl
def offer_embedders() -> list[Component[Any]]:
    """Offer `early_fusion`."""
    from .options import ABOUT, EarlyFusionOptions

    return [
        Component(
            name="early_fusion",
            summary="One vector of an item's picture and words together, by another embedder of pictures and words.",
            options=EarlyFusionOptions,
            build=_build,
            about=ABOUT,
        )
    ]


def _build(options: EarlyFusionOptions, context: BuildContext) -> Any:
    from imagora.stages import PictureEmbedder

    from .embedder import EarlyFusion

    inner = context.build(options.of)
    if not isinstance(inner, PictureEmbedder):
        raise ValueError(f"'of' needs an embedder of pictures and words, and '{options.of.name}' is not one")
    return EarlyFusion(options, inner)
