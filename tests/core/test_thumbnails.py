"""Copies of pictures that are in no file: an answer can show them, and they go when their items do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Pipeline
from imagora.stages import Entry
from imagora_ingestion.verify import compare, repair
from PIL import Image
from test_ingest import KEPT, pipeline_of
from toy_recipes import built, recipe_of
from toy_stages import square


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("index.json.thumbnails/**/*") if path.is_file())


def shown(pipeline: Pipeline, words: str = "red") -> list[Path | None]:
    """Give where the pictures of what is found are, as a generator gets them."""
    nodes = [passage.node for passage in pipeline.search(words).passages]
    resources = [getattr(node, "image_resource", None) for node in nodes]
    return [Path(str(resource.path)) if resource else None for resource in resources]


def red(uri: str = "rose", **metadata: Any) -> Item:
    return Item(uri, "a red rose", square("red"), metadata)


def test_a_picture_that_is_in_no_file_is_kept_small_and_shown(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, red(), sections={"pictures": {"thumbnails": 16}})
    pipeline.ingest()
    (path,) = kept(tmp_path)
    assert shown(pipeline) == [path]
    with Image.open(path) as image:
        assert (image.format, image.size) == ("JPEG", (16, 16))
        assert image.getpixel((8, 8)) == pytest.approx((220, 30, 30), abs=6)


def test_one_that_is_in_a_file_is_shown_from_there(tmp_path: Path) -> None:
    (tmp_path / "rose.png").write_bytes(square("red"))
    pipeline = pipeline_of(tmp_path, Item("rose", "a red rose", tmp_path / "rose.png"))
    pipeline.ingest()
    assert kept(tmp_path) == []
    assert shown(pipeline) == [tmp_path / "rose.png"]


def test_it_goes_with_its_item(tmp_path: Path) -> None:
    pipeline_of(tmp_path, red(), red("tulip")).ingest()
    assert len(kept(tmp_path)) == 2
    assert pipeline_of(tmp_path, red()).ingest().deleted == 1
    assert len(kept(tmp_path)) == 1
    pipeline_of(tmp_path, Item("rose", "words alone")).ingest()
    assert kept(tmp_path) == []


def test_other_metadata_leave_it_and_another_picture_replaces_it(tmp_path: Path) -> None:
    pipeline_of(tmp_path, red()).ingest()
    first = kept(tmp_path)
    relabelled = pipeline_of(tmp_path, red(price=3))
    assert relabelled.ingest().relabelled == 1
    assert shown(relabelled) == kept(tmp_path) == first
    changed = pipeline_of(tmp_path, Item("rose", "a red rose", square("blue")))
    assert changed.ingest().changed == 1
    assert shown(changed) == kept(tmp_path) != first
    assert len(kept(tmp_path)) == 1


def test_the_old_one_stays_until_its_successor_is_in_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline_of(tmp_path, red()).ingest()
    (first,) = kept(tmp_path)
    broken = pipeline_of(tmp_path, Item("rose", "a red rose", square("blue")))

    def crash(entries: Sequence[Entry]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(broken.stages.index, "upsert", crash)
    with pytest.raises(KeyboardInterrupt):
        broken.ingest()
    assert first in kept(tmp_path)
    again = pipeline_of(tmp_path, red())
    again.ingest()
    assert shown(again) == kept(tmp_path) == [first]


def test_a_recipe_that_keeps_none_any_more_still_removes_what_there_is(tmp_path: Path) -> None:
    pipeline_of(tmp_path, red(), red("tulip")).ingest()
    none: dict[str, Any] = {"pictures": {"thumbnails": 0}}
    pipeline_of(tmp_path, red(), sections=none).ingest()
    assert len(kept(tmp_path)) == 1
    (tmp_path / "other").mkdir()
    pipeline = pipeline_of(tmp_path / "other", red(), sections=none)
    pipeline.ingest()
    assert (kept(tmp_path / "other"), shown(pipeline)) == ([], [None])


def test_one_of_no_item_is_found_and_repaired(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, red())
    pipeline.ingest()
    (path,) = kept(tmp_path)
    id_ = "00000000-0000-5000-8000-000000000000"
    (folder := path.parents[2] / "00" / "00").mkdir(parents=True)
    (folder / f"{id_}-0123.jpg").write_bytes(path.read_bytes())
    found = compare(pipeline.plan, pipeline.stages)
    assert (found.agree, found.orphans) == (False, (id_,))
    repair(pipeline.plan, pipeline.stages)
    assert compare(pipeline.plan, pipeline.stages).agree
    assert kept(tmp_path) == [path]


def test_a_generation_has_its_own_and_they_go_with_it(tmp_path: Path) -> None:
    from imagora_ingestion.generations import collect, switch

    def with_weights(weights: str) -> Pipeline:
        recipe = recipe_of(
            items=[{"uri": "rose", "text": "a red rose", "colour": "red"}],
            index=KEPT,
            embedders={"image": {"use": "toy_colour", "weights": weights}},
        )
        pipeline = built(tmp_path, recipe)
        pipeline.ingest()
        return pipeline

    with_weights("1")
    newer = with_weights("2")
    assert [path.parents[2].name for path in kept(tmp_path)] == ["1", "2"]
    switch(newer.plan, newer.stages)
    assert collect(newer.plan, newer.stages, everything=True) == [1]
    assert [path.parents[2].name for path in kept(tmp_path)] == ["2"]
