"""Small copies of pictures that are in no file, so that an answer can show them; each goes when its item does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from imagora.assembly import Stages
from imagora.errors import UnusableIndex
from imagora.item import Picture
from imagora.ledger import Row
from imagora_recipe.plan import Plan
from PIL import Image

_ID = 36
"""Characters of an id."""


def thumbnail(picture: Picture, side: int) -> bytes:
    """Give a JPEG of the picture, its longer side at most `side` pixels."""
    out = BytesIO()
    with Image.open(BytesIO(picture.png), formats=["PNG"]) as image:
        small = image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        small.save(out, "JPEG", quality=85)
    return out.getvalue()


def thumbnails_of(plan: Plan, stages: Stages, generation: int) -> Thumbnails | None:
    """Give the thumbnails of a generation; None for an index on a server whose recipe does not say where they are."""
    beside = stages.index.folder if stages.index else None
    folder = plan.pictures.thumbnails_path or (beside and beside.with_name(f"{beside.name}.thumbnails"))
    return Thumbnails(folder.absolute() / str(generation)) if folder else None


class Thumbnails:
    """JPEG files, each named by its item's id and content, in folders by the first two and the next two digits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, row: Row) -> Path:
        """Say where the thumbnail of an item's version is, or would be."""
        return self._of(row.id) / f"{row.id}-{row.content[:16]}.jpg"

    def write(self, thumbnails: Mapping[Path, bytes]) -> None:
        """Write thumbnails, each whole or not at all; durable when it returns."""
        with self._told():
            for path, data in thumbnails.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                with part.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)

    def delete(self, ids: Sequence[str], kept: Collection[Path] = ()) -> None:
        """Remove the thumbnails of these items, all versions but those that are kept."""
        with self._told():
            for id_ in ids:
                for path in self._of(id_).glob(f"{id_}*"):
                    if path not in kept:
                        path.unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Give the ids of the items that have a thumbnail."""
        yield from (file.name[:_ID] for file in self._folder.glob("??/??/*-*"))

    def drop(self) -> None:
        """Remove all of them."""
        with self._told():
            if self._folder.exists():
                shutil.rmtree(self._folder)

    def _of(self, id_: str) -> Path:
        return self._folder / id_[:2] / id_[2:4]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnusableIndex(
                f"the thumbnails in '{self._folder}' cannot be written: {error.strerror or error}; make room on their "
                "disk, and the same command goes on from there"
            ) from error
