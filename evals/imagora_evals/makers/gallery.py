"""The suite `gallery`: prints of the photographs in scikit-image's wheel, and altered copies to ask with."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from imagora import Options
from imagora.errors import MissingExtra

from .altering import altered
from .making import Maker, write_lines

PIP_LINE = "pip install 'imagora[evals]'"
SHIPPED = Path(__file__).parents[1] / "shipped" / "gallery"
PRINTS, QUERIES = SHIPPED / "prints.jsonl", SHIPPED / "queries.jsonl"


class GalleryOptions(Options):
    """There is nothing to choose: the photographs are what they are."""


def _photographs() -> Path:
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        what = f"the gallery's photographs come with scikit-image, which is not installed; type: {PIP_LINE}"
        raise MissingExtra(what)
    return Path(spec.submodule_search_locations[0]) / "data"


def _made_of() -> str:
    _photographs()
    ours = sha256(PRINTS.read_bytes() + QUERIES.read_bytes()).hexdigest()
    return f"scikit-image {version('scikit-image')}, {ours[:16]}"


def _write(folder: Path, _: GalleryOptions) -> None:
    photographs, rows = _photographs(), []
    (folder / "corpus").mkdir()
    for line in PRINTS.read_text("utf-8").splitlines():
        row = json.loads(line)
        photograph = photographs / row.pop("file")
        if not photograph.is_file():
            what = f"scikit-image has no '{photograph.name}' in this version; type: {PIP_LINE} --upgrade"
            raise MissingExtra(what)
        shutil.copyfile(photograph, folder / "corpus" / row["picture"])
        rows.append(row)
    write_lines(folder / "corpus" / "manifest.jsonl", rows)
    by_name = {Path(row["picture"]).stem: folder / "corpus" / row["picture"] for row in rows}
    for line in QUERIES.read_text("utf-8").splitlines():
        for asked in json.loads(line).get("pictures", ()):
            name, __, change = Path(asked).stem.rpartition("-")
            altered(by_name[name], change, folder / asked)


GALLERY = Maker("gallery", 1, GalleryOptions, _write, _made_of)
