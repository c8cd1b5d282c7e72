"""A picture as the head sees it, in training and in use: on white, without its empty margin, padded to a square."""

from __future__ import annotations

from PIL import Image

NEARLY_WHITE = 240
"""From here to 255 in every channel is margin: JPEG leaves white not quite white."""
ROOM = 0.04
"""What stays around the object, as a share of its longer side, where the picture has as much."""

_INK = ([255] * NEARLY_WHITE + [0] * (256 - NEARLY_WHITE)) * 3


def white_square(picture: Image.Image) -> Image.Image:
    """Give the picture on white, also where it is transparent, trimmed and padded around its middle.

    Only a white margin goes, so that a photograph without one stays whole. What is left fills the square as objects
    fill ImageNet's pictures.
    """
    trimmed = _without_margin(picture if picture.mode == "RGB" else _on_white(picture.convert("RGBA")))
    side = max(trimmed.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(trimmed, ((side - trimmed.width) // 2, (side - trimmed.height) // 2))
    return square


def _on_white(picture: Image.Image) -> Image.Image:
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    return flat.convert("RGB")


def _without_margin(picture: Image.Image) -> Image.Image:
    box = picture.point(_INK).getbbox()
    if not box:
        return picture
    left, top, right, bottom = box
    room = round(ROOM * max(right - left, bottom - top))
    return picture.crop(
        (max(0, left - room), max(0, top - room), min(picture.width, right + room), min(picture.height, bottom + room))
    )
