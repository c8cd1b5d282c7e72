"""The starter's exported models in the cache folder."""

from __future__ import annotations

from pathlib import Path

from imagora_onnx.exported import SIZES, Export
from imagora_onnx.exported import exported as exported_by

__all__ = ["SIZES", "exported"]


def exported(name: str, export: Export) -> Path:
    """Give the folder `name` in the starter's cache, made where it is not there or not whole."""
    return exported_by("starter", name, export)
