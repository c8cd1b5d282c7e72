"""Pictures for the demo: the altered copy that is asked about, and thumbnails that fit into a page."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

MARGIN = 0.05
"""What is cut from each side of the picture that is asked about: a tenth of its width and height in all."""

THUMBNAIL_SIDE = 360


def mirror_and_crop(picture: Path, target: Path) -> None:
    """Write a mirrored copy of a picture, a tenth narrower and lower."""
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    across, down = round(image.width * MARGIN), round(image.height * MARGIN)
    inner = image.crop((across, down, image.width - across, image.height - down))
    target.parent.mkdir(parents=True, exist_ok=True)
    ImageOps.mirror(inner).save(target, format="PNG")


def thumbnail(picture: Path) -> str | None:
    """Give a small JPEG of a picture as a data URI, on white where it is see-through; None if it cannot be read."""
    try:
        with Image.open(picture) as opened:
            see_through = opened.convert("RGBA")
    except OSError:
        return None
    image = Image.new("RGBA", see_through.size, "white")
    image.alpha_composite(see_through)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = BytesIO()
    image.convert("RGB").save(stream, format="JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + b64encode(stream.getvalue()).decode("ascii")
