"""Pictures as people show them: mirrored, cropped, turned, grey, small, dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Change = Callable[[Any], Any]


def _cropped(image: Any) -> Any:
    across, down = image.width // 6, image.height // 6
    return image.crop((across, down, image.width - across, image.height - down))


def _mirrored(image: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.mirror(image)


def _grey(image: Any) -> Any:
    return image.convert("L").convert("RGB")


def _turned(image: Any) -> Any:
    return image.rotate(8, expand=False, fillcolor="white")


def _small(image: Any) -> Any:
    copy = image.copy()
    copy.thumbnail((96, 96))
    return copy


def _dark(image: Any) -> Any:
    from PIL import ImageEnhance

    return ImageEnhance.Brightness(image).enhance(0.55)


CHANGES: Mapping[str, Change] = {
    "cropped": _cropped,
    "mirrored": _mirrored,
    "grey": _grey,
    "turned": _turned,
    "small": _small,
    "dark": _dark,
}


SIDE = 512
"""The longer side of an altered copy before it is altered, in pixels."""


def altered(picture: Path, change: str, target: Path) -> None:
    """Write an altered copy of a picture as PNG, on white where it is see-through."""
    from PIL import Image

    with Image.open(picture) as opened:
        opened.thumbnail((SIDE, SIDE))
        see_through = opened.convert("RGBA")
    image = Image.new("RGBA", see_through.size, "white")
    image.alpha_composite(see_through)
    target.parent.mkdir(parents=True, exist_ok=True)
    CHANGES[change](image.convert("RGB")).save(target, format="PNG", compress_level=1)
