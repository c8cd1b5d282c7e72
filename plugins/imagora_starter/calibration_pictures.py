"""Pictures that the picture tower in 8 bits is calibrated on: drawn by code, the same ones everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def calibration_pictures(count: int, side: int) -> Iterator[Floats]:
    """Draw pictures (3 x side x side, between -1 and 1): boxes and discs, and clouds of every roughness, in turn."""
    chance = random.Random(0)  # noqa: S311 - no secret
    for number in range(count):
        yield _clouds(chance, side) if number % 2 else _shapes(chance, side)


def _shapes(chance: random.Random, side: int) -> Floats:
    picture = np.empty((3, side, side), np.float32)
    picture[:] = _colour(chance)
    down, right = np.mgrid[:side, :side]
    for _ in range(chance.randrange(2, 7)):
        top, left = chance.uniform(0, side), chance.uniform(0, side)
        height, width = chance.uniform(side / 16, side / 2), chance.uniform(side / 16, side / 2)
        away = np.abs(down - top) / height, np.abs(right - left) / width
        inside = np.hypot(*away) < 1 if chance.random() < 0.5 else np.maximum(*away) < 1  # noqa: PLR2004 - one in two
        picture = np.where(inside, _colour(chance), picture)
    return picture.astype(np.float32)


def _clouds(chance: random.Random, side: int) -> Floats:
    """Noise whose waves are the weaker the shorter they are, as in photographs, and much alike in all colours."""
    noise = np.random.default_rng(chance.randrange(2**32)).normal(size=(4, side, side))
    waves = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    waves[0, 0] = 1
    shared, *own = np.fft.ifft2(np.fft.fft2(noise) / waves ** chance.uniform(0.8, 1.6)).real
    rows = np.stack([shared + chance.uniform(0.1, 0.7) * one for one in own])
    rows = (rows - rows.mean((1, 2), keepdims=True)) / rows.std((1, 2), keepdims=True)
    whole: Floats = (_colour(chance) * 0.5 + chance.uniform(0.3, 0.8) * rows).clip(-1, 1).astype(np.float32)
    return whole


def _colour(chance: random.Random) -> Floats:
    return np.array([[[chance.uniform(-1, 1)]] for _ in range(3)], np.float32)
