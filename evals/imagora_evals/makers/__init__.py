"""What makes corpora by code: each of them by the name that `make:` has in a suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .making import Made, Maker

__all__ = ["MAKERS", "Made", "Maker"]


def _gallery() -> Maker:
    from .gallery import GALLERY

    return GALLERY


def _stamps() -> Maker:
    from .stamps import STAMPS

    return STAMPS


def _synthetic() -> Maker:
    from .synthetic import SYNTHETIC

    return SYNTHETIC


MAKERS: Mapping[str, Callable[[], Maker]] = {"gallery": _gallery, "stamps": _stamps, "synthetic": _synthetic}
