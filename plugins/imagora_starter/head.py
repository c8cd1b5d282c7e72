"""The trained head and the class texts, and the numbers in their header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from .packages import WEIGHTS


@dataclass(frozen=True)
class Header:
    """What the weights' header says: how ConSE is mixed in, and which models the head was trained on (SHA-256)."""

    temperature: float
    weight: float
    minilm: str
    efficientnet: str


@cache
def weights_digest() -> str:
    """Give the SHA-256 of the weights file; it is read once a process."""
    return sha256(WEIGHTS.read_bytes()).hexdigest()


@cache
def header() -> Header:
    """Read the header alone; it costs nothing and tells the identity."""
    with safe_open(WEIGHTS, "np") as opened:
        said: dict[str, str] = opened.metadata()
    return Header(
        temperature=float(said["conse_temperature"]),
        weight=float(said["conse_weight"]),
        minilm=said["minilm_sha256"],
        efficientnet=said["efficientnet_lite0_sha256"],
    )


def tensors() -> dict[str, NDArray[np.float32]]:
    """Read the arrays as 32-bit floats: fc1 (768 x 1280), fc2 (384 x 768), their biases, class_text (1000 x 384)."""
    with safe_open(WEIGHTS, "np") as opened:
        handle: Any = opened
        return {name: handle.get_tensor(name).astype(np.float32) for name in handle.keys()}  # noqa: SIM118 - no mapping
