"""The pictures in chat messages, as a generator may have them: counted, made small enough, re-encoded and inline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO

from llama_index.core.base.llms.types import ChatMessage, ImageBlock
from PIL import Image

from .errors import GeneratorError

QUALITY = 90
"""Of the JPEG; with full colour resolution, since pictures hold thin lines and small coloured letters."""
MOST_PIXELS = 100_000_000
"""Of a picture before it is made smaller, so that a small file cannot unfold into all memory."""


async def inline(messages: Sequence[ChatMessage], images: int, max_pixels: int) -> list[ChatMessage]:
    """Give the messages with every picture as a JPEG of at most `max_pixels`, made from its pixels and nothing else.

    images: how many pictures the model takes, 0 for one that cannot see. A GeneratorError says that there are more,
    that a picture is an address or a path (nobody is sent to fetch one), or that its bytes are not those of a PNG.
    """
    there = sum(isinstance(block, ImageBlock) for message in messages for block in message.blocks)
    if there > images:
        takes = f"takes at most {images} (its option 'images')" if images else "cannot see ('images: 0' in the recipe)"
        raise GeneratorError(f"the prompt has {there} {'pictures' if there > 1 else 'picture'} and the model {takes}")
    return await asyncio.to_thread(_inlined, messages, max_pixels) if there else list(messages)


def _inlined(messages: Sequence[ChatMessage], max_pixels: int) -> list[ChatMessage]:
    return [
        message.model_copy(
            update={"blocks": [_jpeg(b, max_pixels) if isinstance(b, ImageBlock) else b for b in message.blocks]}
        )
        for message in messages
    ]


def _jpeg(block: ImageBlock, max_pixels: int) -> ImageBlock:
    if block.image is None or block.url is not None or block.path is not None:
        raise GeneratorError("a picture in the prompt is an address or a path; only the bytes of a picture are sent")
    try:
        with Image.open(BytesIO(block.resolve_image().read()), formats=["PNG"]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise GeneratorError(f"a picture in the prompt has more than {MOST_PIXELS // 1_000_000} megapixels")
            pixels = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise GeneratorError("a picture in the prompt cannot be read: its bytes are not those of a PNG") from None
    if (share := max_pixels / (pixels.width * pixels.height)) < 1:
        size = (max(1, int(pixels.width * share**0.5)), max(1, int(pixels.height * share**0.5)))
        pixels = pixels.resize(size, Image.Resampling.LANCZOS)
    pixels.save(file := BytesIO(), "JPEG", quality=QUALITY, subsampling=0)
    return ImageBlock(image=file.getvalue(), image_mimetype="image/jpeg", detail=block.detail)
