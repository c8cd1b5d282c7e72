"""A picture finds itself, whole or altered, through the whole pipeline; and words find pictures of objects.

Pictures are scikit-image's photographs and, where Debian's `tuxpaint-stamps-default` is installed, a third of its
stamps. Altered is everything at once: 10 % of the area cropped (2.6 % of width and height at each side), scaled to
60 %, and encoded as a JPEG of quality 80. Some stamps are there twice under two names; a twin, with a cosine
of at least 0.999 to the picture, counts as the picture itself.
"""

import importlib.util
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType

import imagora
import numpy as np
import pytest
from imagora import Pipeline
from imagora_starter.embedder import StarterEmbedding
from imagora_starter.options import StarterOptions
from PIL import Image

from .starter_gallery import photographs

STAMPS = Path("/usr/share/tuxpaint/stamps")
TWIN = 0.999
SIDE = (1 - 0.9**0.5) / 2
RECALL = Path(__file__).parents[2] / "evals" / "starter_recall.py"


def picture_files(kind: str) -> list[Path]:
    if kind == "photographs":
        return photographs()
    if not STAMPS.is_dir():
        pytest.skip(f"there are no stamps at '{STAMPS}'; on Debian type: apt install tuxpaint-stamps-default")
    return sorted(STAMPS.rglob("*.png"))[::3]


@pytest.fixture(scope="module", params=["photographs", "stamps"])
def indexed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pipeline, list[Path]]]:
    """A pipeline on an index of pictures without words, and their files."""
    files = picture_files(request.param)
    folder = tmp_path_factory.mktemp("finds")
    (folder / "pictures").mkdir()
    copies = [folder / "pictures" / f"{number:04}{file.suffix}" for number, file in enumerate(files)]
    for file, copy in zip(files, copies, strict=True):
        copy.write_bytes(file.read_bytes())
    recipe = (
        "recipe: 1\nextends: starter\nsource: {use: folder, path: ./pictures}\nindex: {use: qdrant, path: ./index}\n"
    )
    (folder / "recipe.yaml").write_text(recipe)
    with imagora.load(folder / "recipe.yaml") as pipeline:
        report = pipeline.ingest()
        assert report.embedded == len(files), report.quarantined
        yield pipeline, copies


def altered(file: Path) -> bytes:
    with Image.open(file) as opened:
        see_through = opened.convert("RGBA")
    picture = Image.new("RGBA", see_through.size, "white")
    picture.alpha_composite(see_through)
    across, down = round(picture.width * SIDE), round(picture.height * SIDE)
    inner = picture.crop((across, down, picture.width - across, picture.height - down)).convert("RGB")
    inner.resize((max(1, round(inner.width * 0.6)), max(1, round(inner.height * 0.6)))).save(
        stream := BytesIO(), "JPEG", quality=80
    )
    return stream.getvalue()


def test_every_picture_finds_itself_first_and_altered_at_least_95_in_100(
    indexed: tuple[Pipeline, list[Path]],
) -> None:
    pipeline, files = indexed
    lost = []
    for file in files:
        found = pipeline.search(pictures=[file], top_k=5).passages
        twins = [passage.node.metadata["uri"] for passage in found if passage.scores["image"] >= TWIN]
        assert file.name in twins and found[0].node.metadata["uri"] in twins, file
        best = pipeline.search(pictures=[altered(file)], top_k=1).passages[0]
        if best.node.metadata["uri"] not in twins:
            lost.append((file.name, best.node.metadata["uri"]))
    print(f"\n{len(files) - len(lost)} of {len(files)} altered pictures find themselves first; not: {lost}")
    assert len(lost) <= 0.05 * len(files), lost


def recall_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("starter_recall", RECALL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "starter_recall", module)  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_captions_find_their_stamps_among_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    picture_files("stamps")
    evaluation, embedding = recall_module(monkeypatch), StarterEmbedding(StarterOptions())

    def embed_pictures(pictures: list[Image.Image]) -> np.ndarray:
        files = [BytesIO() for _ in pictures]
        for picture, file in zip(pictures, files, strict=True):
            picture.save(file, "PNG", compress_level=1)
        return np.array(embedding.get_image_embedding_batch(files), np.float32)

    def embed_words(texts: list[str]) -> np.ndarray:
        return np.array(embedding.get_text_embedding_batch(texts), np.float32)

    measured = evaluation.measure(embed_pictures, embed_words, evaluation.stamps(STAMPS))
    print(f"\nR@1 R@10 MRR: {measured}")
    assert measured.at_10 >= 0.50, measured
