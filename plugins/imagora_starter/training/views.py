"""Altered views of a drawing, so that the head learns what stays the same."""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

HALF = 0.5
ONE_IN_FIVE = 0.2


def altered(picture: Image.Image, dice: np.random.Generator) -> Image.Image:
    """A square view: turned, scaled, moved or mirrored on a plain ground, toned or grey."""
    rgba = picture.convert("RGBA")
    if dice.random() < HALF:
        rgba = ImageOps.mirror(rgba)
    rgba = rgba.rotate(dice.uniform(-25, 25), Image.Resampling.BICUBIC, expand=True)
    side = round(max(rgba.size) * dice.uniform(0.9, 1.6))
    square = Image.new("RGBA", (side, side), background(dice))
    corner = [round((side - length) * dice.uniform(0.2, 0.8)) for length in rgba.size]
    layer = Image.new("RGBA", square.size)
    layer.paste(rgba, (corner[0], corner[1]))
    square.alpha_composite(layer)
    return toned(square.convert("RGB"), dice)


def background(dice: np.random.Generator) -> tuple[int, int, int]:
    """White half of the time, otherwise any light or dark colour."""
    if dice.random() < HALF:
        return (255, 255, 255)
    red, green, blue = dice.integers(40, 256, size=3).tolist()
    return (red, green, blue)


def toned(picture: Image.Image, dice: np.random.Generator) -> Image.Image:
    """The picture with other contrast, brightness and colour; one in five is grey."""
    for enhancer in (ImageEnhance.Contrast, ImageEnhance.Brightness):
        picture = enhancer(picture).enhance(dice.uniform(0.6, 1.3))
    strength = 0.0 if dice.random() < ONE_IN_FIVE else dice.uniform(0.6, 1.4)
    return ImageEnhance.Color(picture).enhance(strength)
