"""What every side is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .corpus import Corpus

Search = Callable[[str], Any]
Names = Callable[[Any], list[str]]


@dataclass(frozen=True)
class Setup:
    """The corpus, how many passages a query wants, MiniLM's folder, and this run's folder with Imagora's index."""

    corpus: Corpus
    k: int
    model: str
    folder: Path


class Side(Protocol):
    """A module or an object: the packages whose versions count, and how it is opened."""

    PACKAGES: tuple[str, ...]

    def opened(self, setup: Setup) -> tuple[Search, Names]:
        """Fill an index of its own and load the model; give what is timed, and what reads items' names out of that."""
        ...
