"""The starter recipe gives the same index with the engine `ray` as with the local one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagora
import numpy as np
import pytest
from imagora.stages import Entry, SparseVector
from imagora_qdrant.index import EmbeddedIndex
from PIL import Image, ImageDraw

PICTURES, TEXTS = 34, 6


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Generated pictures, some with words beside them, texts, and one file that is no picture."""
    folder, random = tmp_path / "corpus", np.random.default_rng(7)
    folder.mkdir()
    for number in range(PICTURES):
        colours = [tuple(int(part) for part in random.integers(0, 255, 3)) for _ in range(2)]
        picture = Image.new("RGB", (160 + number, 120), colours[0])
        ImageDraw.Draw(picture).ellipse((20, 20, 60 + number, 100), fill=colours[1])
        picture.save(folder / f"p{number:02}.png")
        if number % 3 == 0:
            (folder / f"p{number:02}.txt").write_text(f"a disc of the colours {colours[0]} and {colours[1]}")
    for number in range(TEXTS):
        (folder / f"t{number}.txt").write_text(f"The disc number {number} was drawn by a random generator.")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return folder


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    """What goes into an index, by id, besides going there."""
    entries: dict[str, Entry] = {}
    upsert: Callable[[EmbeddedIndex, Sequence[Entry]], None] = EmbeddedIndex.upsert

    def noted(index: EmbeddedIndex, batch: Sequence[Entry]) -> None:
        for entry in batch:
            assert entry.id not in entries, "written twice"
            entries[entry.id] = entry
        upsert(index, batch)

    monkeypatch.setattr(EmbeddedIndex, "upsert", noted)
    return entries


def ingested(folder: Path, engine: str, place: Path) -> tuple[imagora.IngestReport, list[str]]:
    recipe = place / f"{engine}.yaml"
    text = f"extends: starter\nrecipe: 1\nsource: {{use: folder, path: {folder}}}\n"
    recipe.write_text(f"{text}index: {{use: qdrant, path: {place / engine}}}\nengine: {engine}\n")
    with imagora.load(recipe) as pipeline:
        report = pipeline.ingest()
        index: Any = pipeline.stages.index
        return report, sorted(index.ids())


@pytest.mark.usefixtures("cluster")
def test_the_engines_write_the_same_ids_payloads_and_vectors(
    corpus: Path, tmp_path: Path, written: dict[str, Entry]
) -> None:
    report, ids = ingested(corpus, "local", tmp_path)
    local = dict(written)
    written.clear()
    on_ray, ray_ids = ingested(corpus, "ray", tmp_path)
    assert ids == ray_ids == sorted(local) == sorted(written)
    assert len(ids) == PICTURES + TEXTS
    assert (report.added, report.quarantined) == (on_ray.added, on_ray.quarantined)
    assert [uri for uri, _ in report.quarantined] == ["broken.png"]
    assert any("image" in entry.vectors for entry in written.values())
    for id_, entry in written.items():
        assert dict(entry.payload) == dict(local[id_].payload)
        assert entry.vectors.keys() == local[id_].vectors.keys()
        for leg, vector in entry.vectors.items():
            other = local[id_].vectors[leg]
            if isinstance(vector, SparseVector):
                assert vector == other
            else:
                assert not isinstance(other, SparseVector)
                np.testing.assert_allclose(vector, other, atol=1e-5)
