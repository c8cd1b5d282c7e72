"""Pictures as open_clip's own preprocessing wants them: upright, RGB, nothing transparent."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from imagora.errors import PictureError
from PIL import Image, ImageOps

LONGEST = 64  # times as long as wide; beyond it a resize by the shorter side would need gigabytes
MOST_PIXELS = 100_000_000
_DEEP = ("I", "I;16", "I;16B", "I;16L")


def open_picture(source: str | Path | BytesIO) -> Image.Image:
    """Open a picture as RGB: turned as its EXIF says, on white where it is transparent.

    Raises PictureError where the bytes are not a whole picture. A stream is read from its start and rewound.
    """
    if isinstance(source, BytesIO):
        source.seek(0)
    name = "the picture" if isinstance(source, BytesIO) else f"'{source}'"
    try:
        with Image.open(source) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PictureError(
                    f"{name} has {opened.width}x{opened.height} pixels; at most {MOST_PIXELS:,} are read"
                )
            picture = on_white(ImageOps.exif_transpose(opened))
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError(f"there is no picture {name}") from None
    except Exception as error:  # broken bytes make Pillow's decoders raise types without a parent of their own
        raise PictureError(f"{name} cannot be read as a picture: {error}") from error
    if isinstance(source, BytesIO):
        source.seek(0)
    return picture


def on_white(picture: Image.Image) -> Image.Image:
    """Give the picture as RGB, its transparent parts filled with white rather than with what hides below them."""
    if picture.mode in _DEEP:  # Pillow would clip 16 bits to 8 instead of scaling them
        return picture.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")


def without_far_ends(picture: Image.Image) -> Image.Image:
    """Crop a ribbon to its middle, so that no resize needs more memory than a few million pixels."""
    width, height = picture.size
    limit = LONGEST * min(width, height)
    if max(width, height) <= limit:
        return picture
    wide, high = min(width, limit), min(height, limit)
    left, top = (width - wide) // 2, (height - high) // 2
    return picture.crop((left, top, left + wide, top + high))
