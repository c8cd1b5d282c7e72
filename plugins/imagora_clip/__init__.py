"""CLIP and its relatives by open_clip: pictures and words as vectors of one space."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component, Model

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_embedders() -> list[Component[Any]]:
    """Offer `clip`."""
    from .options import ClipOptions

    return [
        Component(
            name="clip",
            summary="Pictures and words to vectors of one space, by any open_clip model: CLIP, SigLIP, CoCa.",
            options=ClipOptions,
            build=_build,
            requires=("torch", "torchvision", "open_clip"),
            extra="clip",
            models=_models,
        )
    ]


def _models(options: Any) -> list[Model]:
    from .on_disk import model_of

    return [model_of(options)]


def _build(options: Any, _context: BuildContext) -> Any:
    from .embedding import ClipEmbedding

    return ClipEmbedding(options)
