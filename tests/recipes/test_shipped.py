"""The shipped recipes at work: ingest and ask with the real parts that they name."""

from __future__ import annotations

import shutil
from pathlib import Path

import imagora
import pytest
import skimage
from imagora_recipe.check import check
from imagora_recipe.extends import shipped_recipes

from tests.plugins.open_clip_folder import clip_folder  # noqa: F401 - a fixture

# ruff: noqa: F811 - a fixture is imported and then named as an argument

DATA = Path(skimage.__file__).parent / "data"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("chelsea.png", "coffee.png", "motorcycle_left.png"):
        shutil.copy(DATA / name, folder / name)
    (folder / "coffee.txt").write_text("A cup of coffee. Ask anna.berg@example.com for a print.")
    return folder


def test_every_shipped_recipe_is_fine() -> None:
    shipped = ["drawings", "guarded", "scans", "shop", "shop-descriptions", "starter", "visual-search"]
    assert sorted(check(name).name for name in shipped_recipes()) == shipped


def test_guarded_keeps_an_address_out_of_answers_and_passages(photographs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("recipe: 1\nextends: guarded\nsource: {path: ./photographs}\nindex: {path: ./index}\n")
    with imagora.load(recipe) as pipeline:
        assert pipeline.ingest().added == 3
        answer = pipeline.ask("Whom can I ask for a print of the cup of coffee? Mail bob@example.org")
    assert "example.com" not in str(answer.to_dict())
    assert {(verdict.place, verdict.action) for verdict in answer.verdicts} >= {
        ("query", "redact"),
        ("passages", "redact"),
    }


def test_visual_search_finds_pictures_with_a_local_checkpoint(
    photographs: Path, tmp_path: Path, clip_folder: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "recipe: 1\nextends: visual-search\nsource: {path: ./photographs}\nindex: {path: ./index}\n"
        f"embedders: {{image: {{use: clip, model: 'local-dir:{clip_folder}', weights: null}}}}\n"
    )
    with imagora.load(recipe) as pipeline:
        assert pipeline.ingest().added == 3
        found = pipeline.search(pictures=[photographs / "chelsea.png"]).passages
        assert found[0].node.metadata["uri"] == "chelsea.png"
        assert pipeline.search("a cat").passages[0].node.metadata["uri"] == "chelsea.png"
