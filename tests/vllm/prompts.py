"""Prompts with words and plain pictures."""

from __future__ import annotations

from io import BytesIO

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from PIL import Image


def picture(colour: str, side: int = 64) -> bytes:
    Image.new("RGB", (side, side), colour).save(file := BytesIO(), "PNG")
    return file.getvalue()


def asked(words: str, *pictures: bytes) -> list[ChatMessage]:
    blocks = [TextBlock(text=words), *(ImageBlock(image=png, image_mimetype="image/png") for png in pictures)]
    return [ChatMessage(role="user", blocks=blocks)]
