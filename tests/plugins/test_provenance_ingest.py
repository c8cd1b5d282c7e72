"""`provenance` in a whole ingest: which picture is the original does not depend on which was decoded first."""

from __future__ import annotations

import json
from pathlib import Path

import imagora_folder
import imagora_ingestion
import imagora_provenance
import pytest
import toys
from imagora.catalog import Catalog
from imagora.testing.golden import draw
from toy_recipes import built, recipe_of

pytest.importorskip("imagehash", reason="needs the extra: pip install 'imagora[provenance]'")
CATALOG = Catalog.of(toys, imagora_ingestion, imagora_folder, imagora_provenance)
COPIES = 6
SHAPES = ("red circle", "blue triangle")


def marks(folder: Path, workers: int) -> dict[str, str | None]:
    """Ingest the pictures into a new index, and give each one's mark."""
    (index := folder / f"{workers}.json").unlink(missing_ok=True)
    recipe = recipe_of(
        source={"use": "folder", "path": "pictures"},
        preparers=[{"use": "provenance"}],
        pictures={"workers": workers},
        index={"use": "toy_memory", "path": index.name},
        ledger={"path": f"{workers}.sqlite"},
    )
    with built(folder, recipe, CATALOG) as pipeline:
        assert pipeline.ingest().added == COPIES * len(SHAPES)
    entries = json.loads(index.read_text("utf-8"))["entries"]
    return {entry["payload"]["_uri"]: entry["payload"].get("near_duplicate_of") for entry in entries}


def test_the_first_of_the_source_is_the_original_however_many_decode(tmp_path: Path) -> None:
    (pictures := tmp_path / "pictures").mkdir()
    right: dict[str, str | None] = {}
    for number, words in enumerate(SHAPES):
        for copy in range(COPIES):  # the first takes far longer to decode than those behind it
            size = (3000, 3000) if copy == 0 else (160 + copy, 160 + copy)
            draw(words).resize(size).save(pictures / f"{number}{copy}.png")
            right[f"{number}{copy}.png"] = f"{number}0.png" if copy else None
    for workers in (1, 4):
        assert marks(tmp_path, workers) == right, f"{workers} workers"
