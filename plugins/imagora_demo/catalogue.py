"""The demo's catalogue: prints, most of them with words, and the questions that are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

_WORDS = ("title", "description", "tags")


@dataclass(frozen=True)
class Print:
    """A photograph on sale: its name in the gallery, its file in scikit-image's wheel, and what is said about it.

    words: title, description and tags, empty for a third of the prints. details: price in euro, licence, credit …
    """

    name: str
    file: str
    words: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def picture(self) -> str:
        """Its file in the gallery: a plain number, so that no file name gives away what the picture shows."""
        return self.name + self.file[self.file.rindex(".") :]


@dataclass(frozen=True)
class Question:
    """What the demo asks: words, a print whose altered copy is shown, or both; and the print that should come first."""

    words: str
    why: str
    expects: str
    picture: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """All prints, and the questions about them."""

    prints: tuple[Print, ...]
    questions: tuple[Question, ...]

    def find(self, name: str) -> Print:
        """Give the print of this name."""
        return next(entry for entry in self.prints if entry.name == name)


@cache
def read_catalogue() -> Catalogue:
    """Read the catalogue that ships beside this file."""
    text = files(__package__).joinpath("catalogue.yaml").read_text(encoding="utf-8")
    tree = YAML(typ="safe", pure=True).load(text)
    prints = tuple(_print(dict(row)) for row in tree["prints"])
    return Catalogue(prints=prints, questions=tuple(Question(**row) for row in tree["questions"]))


def _print(row: dict[str, Any]) -> Print:
    name, file = row.pop("name"), row.pop("file")
    words = {key: row.pop(key) for key in _WORDS if key in row}
    return Print(name=name, file=file, words=words, details=row)
