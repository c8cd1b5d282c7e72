"""Preparers that describe pictures in words: by a generator, or by BLIP-2 on this machine."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component, Model

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_preparers() -> list[Component[Any]]:
    """Offer `caption` and `blip2`."""
    from .options import Blip2Options, ChatOptions

    return [
        Component(
            name="caption",
            summary="Lets a generator that sees, the recipe's or another, describe each picture in a sentence.",
            options=ChatOptions,
            build=_build_chat,
            about="The generator must take pictures. A caption is a model's guess; it is kept apart from the item's "
            "own text, in the metadata 'caption'.",
        ),
        Component(
            name="blip2",
            summary="Describes each picture in a sentence by a BLIP-2 model in a folder on this machine.",
            options=Blip2Options,
            build=_build_blip2,
            requires=("torch", "transformers"),
            extra="blip",
            models=lambda options: [Model(options.model.name, lambda: sorted(options.model.glob("*.safetensors")))],
            about="English captions, without a server. Nothing is downloaded, and no code from the folder is run.",
        ),
    ]


def _build_chat(options: Any, context: BuildContext) -> Any:
    from .chat import Chat
    from .preparer import CaptionPreparer

    generator = context.build(options.generator) if options.generator else context.generator
    if generator is None:
        raise ValueError(
            "'caption' describes pictures by the recipe's generator, and the recipe has none; add one, or one of its "
            "own: generator: {use: …}"
        )
    return CaptionPreparer("caption", options, Chat(options, generator))


def _build_blip2(options: Any, _context: BuildContext) -> Any:
    from .blip2 import Blip2
    from .preparer import CaptionPreparer

    if not (options.model / "config.json").is_file():
        raise ValueError(f"'blip2' finds no model in the folder '{options.model}': there is no config.json in it")
    return CaptionPreparer("blip2", options, Blip2(options))
