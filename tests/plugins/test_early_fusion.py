"""One vector of a picture and its words: by the formula, in a recipe, and found by either."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from imagora import BuildContext, Item, Picture, load
from imagora.errors import IdentityMismatch, RecipeError
from imagora.stages import ItemEmbedder, Prepared
from imagora.testing import ComponentContract, EmbedderContract
from imagora_early_fusion.embedder import EarlyFusion
from imagora_early_fusion.options import EarlyFusionOptions
from PIL import Image

from .starter_gallery import photographs

OBJECTS = {"chelsea.png": "a photo of a cat", "coffee.png": "a cup of coffee", "motorcycle_left.png": "a motorbike"}


def made(**options: Any) -> EarlyFusion:
    said = EarlyFusionOptions.model_validate({"of": {"use": "starter"}, **options})
    return EarlyFusion(said, BuildContext("test").build(said.of))


def prepared(name: str | None, text: str = "", **metadata: str) -> Prepared:
    picture = None
    if name:
        with Image.open(photographs()[0].parent / name) as opened:
            opened.convert("RGB").save(file := BytesIO(), "PNG")
            picture = Picture(file.getvalue(), *opened.size, "0", "PNG")
    return Prepared(Item(name or text, text, metadata=metadata), picture)


def unit(vector: Any) -> Any:
    return np.asarray(vector) / np.linalg.norm(vector)


class TestComponents(ComponentContract):
    plugin = "imagora_early_fusion"
    examples: ClassVar = {"early_fusion": {"of": {"use": "starter"}}}


class TestEmbedder(EmbedderContract):
    pictures = meaning = meets = True

    @pytest.fixture
    def stage(self) -> EarlyFusion:
        return made()

    @pytest.fixture
    def pairs(self) -> list[tuple[str, bytes]]:
        return [(words, (photographs()[0].parent / name).read_bytes()) for name, words in OBJECTS.items()]


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_a_vector_is_the_weighted_mean_of_both_at_length_1(weight: float) -> None:
    stage, both = made(weight=weight), prepared("chelsea.png", "A cup of coffee.")
    assert both.picture
    picture = np.array(stage.get_image_embedding(BytesIO(both.picture.png)))
    words = np.array(stage.get_text_embedding("A cup of coffee."))
    (vector,) = stage.embed_items([both])
    assert vector == pytest.approx(unit(weight * picture + (1 - weight) * words), abs=1e-5)


def test_an_item_with_one_part_has_that_parts_vector_and_one_with_none_has_none() -> None:
    stage = made(weight=0.9)
    items = [prepared("coffee.png"), prepared(None, "a cat"), prepared(None), prepared("coffee.png", "a cat")]
    assert items[0].picture
    picture, words, nothing, both = stage.embed_items(items)
    assert picture == pytest.approx(stage.get_image_embedding(BytesIO(items[0].picture.png)), abs=1e-5)
    assert words == pytest.approx(stage.get_text_embedding("a cat"), abs=1e-5)
    assert nothing is None
    assert both is not None and np.dot(both, picture) > np.dot(both, words) > 0
    assert stage.embed_items([]) == []


def test_the_words_are_all_of_an_item_or_its_title_and_caption() -> None:
    item = prepared(None, "a long description", title="Cat", caption="a cat on a sofa", tags="pets")
    for option, said in (("all", item.item.words), ("caption", "Cat\na cat on a sofa")):
        stage = made(words=option)
        assert stage.embed_items([item])[0] == pytest.approx(stage.get_text_embedding(said), abs=1e-5)
    assert made(words="caption").embed_items([prepared(None, "only a text")]) == [None]


class Opposite:
    """An embedder whose words point away from its pictures."""

    def get_image_embedding_batch(self, files: list[Any]) -> list[list[float]]:
        return [[3.0, 0.0]] * len(files)

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        return [[-2.0, 0.0]] * len(texts)


def test_parts_that_cancel_out_leave_the_picture() -> None:
    stage: Any = made()
    stage._inner = Opposite()
    assert stage.embed_items([prepared("coffee.png", "x")]) == [[1.0, 0.0]]


def test_the_identity_says_what_is_within_and_how_much() -> None:
    stage, inner = made(weight=0.6, words="caption"), made()._inner
    assert isinstance(stage, ItemEmbedder)
    said = stage.identity()
    assert (said.embedder, said.weights) == ("early fusion of starter", inner.identity().weights)
    assert said.preprocessing == inner.identity().preprocessing + "; 0.6 picture + 0.4 words, words caption"
    assert len({str(made(weight=w, words=o).identity()) for w in (0.5, 0.6) for o in ("all", "caption")}) == 4


def test_an_embedder_of_words_alone_is_refused(tmp_path: Path) -> None:
    recipe = {"use": "early_fusion", "of": {"use": "bm25"}}
    with pytest.raises(RecipeError, match="'of' needs an embedder of pictures and words, and 'bm25' is not one"):
        load(write(tmp_path, recipe))


def write(folder: Path, embedder: dict[str, Any]) -> Path:
    whole = {"recipe": 1, "source": {"use": "folder", "path": "things"}, "embedders": {"image": embedder}}
    whole |= {"index": {"use": "qdrant", "path": "index"}, "retriever": {"use": "hybrid"}}
    (folder / "recipe.yaml").write_text(json.dumps(whole))
    return folder / "recipe.yaml"


def test_an_item_is_found_by_its_picture_and_by_its_words_in_one_leg(tmp_path: Path) -> None:
    (tmp_path / "things").mkdir()
    for name, words in {"chelsea.png": "invoice 4711", "coffee.png": "the tax law", "motorcycle_left.png": ""}.items():
        (tmp_path / "things" / name).write_bytes((photographs()[0].parent / name).read_bytes())
        if words:
            (tmp_path / "things" / name).with_suffix(".txt").write_text(words)
    (tmp_path / "things" / "note.txt").write_text("a bill that has to be paid at the start of the week")
    early = {"use": "early_fusion", "of": {"use": "starter"}, "weight": 0.6}
    with load(write(tmp_path, early)) as pipeline:
        assert pipeline.ingest().added == 4
        assert pipeline.search("a photo of a cat").passages[0].metadata["uri"] == "chelsea.png"
        assert pipeline.search("invoice 4711").passages[0].metadata["uri"] == "chelsea.png"
        assert pipeline.search("taxation").passages[0].metadata["uri"] == "coffee.png"
        assert pipeline.search("money to be paid on Monday").passages[0].metadata["uri"] == "note.txt"
        found = pipeline.search(pictures=[tmp_path / "things" / "motorcycle_left.png"])
        assert found.passages[0].metadata["uri"] == "motorcycle_left.png"
        assert pipeline.ingest().embedded == 0
    with (
        load(write(tmp_path, {**early, "weight": 0.4})) as pipeline,
        pytest.raises(IdentityMismatch, match=r"0\.4 picture"),
    ):
        pipeline.search("a cat")
