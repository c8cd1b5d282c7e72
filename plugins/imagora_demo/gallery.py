"""The gallery's folder: pictures, their manifest, and a recipe that reads and indexes them there."""

from __future__ import annotations

import filecmp
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from imagora.errors import ImagoraError, MissingExtra
from ruamel.yaml import YAML

from .catalogue import Catalogue, Print

PIP_LINE = "pip install 'imagora[demo]'"
FIELDS = {"category": "keyword", "tags": "keyword", "licence": "keyword", "price": "float"}
"""What queries filter by, and what the gateway's page offers for that."""


@dataclass(frozen=True)
class Gallery:
    """Where the parts of the demo are: the folder, the pictures, the recipe and the page."""

    folder: Path

    @property
    def pictures(self) -> Path:
        """The folder with the prints and their manifest."""
        return self.folder / "pictures"

    @property
    def recipe(self) -> Path:
        """The recipe of this gallery, for `imagora ask` and `imagora search`."""
        return self.folder / "recipe.yaml"

    @property
    def page(self) -> Path:
        """The page to look at."""
        return self.folder / "index.html"

    @property
    def asked(self) -> Path:
        """The folder with the pictures that are asked about; it is outside `pictures`, so it is not indexed."""
        return self.folder / "asked"


def find_photographs() -> Path:
    """Find the folder with scikit-image's photographs, without importing scikit-image."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(f"the demo's photographs come with scikit-image, which is not installed; type: {PIP_LINE}")
    return Path(spec.submodule_search_locations[0]) / "data"


def lay_out(gallery: Gallery, catalogue: Catalogue, photographs: Path, recipe: str) -> None:
    """Put the pictures, the manifest and the recipe into the gallery's folder; what is there and equal stays."""
    try:
        gallery.pictures.mkdir(parents=True, exist_ok=True)
        for entry in catalogue.prints:
            _copy(photographs / entry.file, gallery.pictures / entry.picture)
        _write(gallery.pictures / "manifest.yaml", _to_yaml([_row(entry) for entry in catalogue.prints]))
        _write(gallery.recipe, _to_yaml(_recipe(recipe)))
    except OSError as error:
        what = f"'{error.filename}': {error.strerror}" if error.filename else str(error)
        raise ImagoraError(f"the demo cannot write its folder: {what}; choose another with --into DIR") from error


def _recipe(recipe: str) -> dict[str, Any]:
    # A file's path is made whole: `extends` would look for it beside the gallery's recipe.
    extends = str(Path(recipe).resolve()) if Path(recipe).is_file() else recipe
    return {
        "recipe": 1,
        "extends": extends,
        "source": {"use": "folder", "path": "./pictures"},
        "index": {"use": "qdrant", "path": "./index", "fields": dict(FIELDS)},
    }


def _row(entry: Print) -> dict[str, Any]:
    return {"picture": entry.picture, **entry.words, **entry.details}


def _copy(photograph: Path, target: Path) -> None:
    if not photograph.is_file():
        raise MissingExtra(f"scikit-image has no '{photograph.name}' in this version; type: {PIP_LINE} --upgrade")
    if not (target.is_file() and filecmp.cmp(photograph, target, shallow=False)):
        shutil.copyfile(photograph, target)


def _write(target: Path, text: str) -> None:
    if not (target.is_file() and target.read_text(encoding="utf-8") == text):
        target.write_text(text, encoding="utf-8")


def _to_yaml(tree: Any) -> str:
    stream = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.dump(tree, stream)
    return stream.getvalue()
