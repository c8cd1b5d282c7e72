"""What the CLIP plugin makes of real photographs and of odd pictures."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import skimage
from imagora.errors import PictureError
from imagora_clip.embedding import ClipEmbedding
from imagora_clip.pictures import LONGEST, open_picture, without_far_ends
from PIL import Image

from .open_clip_folder import clip_folder, student  # noqa: F401 - fixtures

# ruff: noqa: F811 - a fixture is imported and then named as an argument

DATA = Path(skimage.__file__).parent / "data"
PHOTOGRAPHS = sorted(
    str(DATA / name)
    for name in (
        "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
        "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg",
    )
)  # fmt: skip


def as_file(picture: Image.Image, kind: str = "PNG", **settings: int) -> BytesIO:
    picture.save(file := BytesIO(), kind, **settings)
    return file


def nearest(vector: list[float], vectors: np.ndarray) -> str:
    return Path(PHOTOGRAPHS[int(np.argmax(vectors @ np.array(vector)))]).stem


@pytest.fixture(scope="module")
def vectors(student: ClipEmbedding) -> np.ndarray:
    return np.array(student.get_image_embedding_batch(PHOTOGRAPHS))


@pytest.mark.parametrize("cut", [0.0, 0.05], ids=["half the size", "a tenth cropped"])
def test_a_photograph_finds_itself_again(student: ClipEmbedding, vectors: np.ndarray, cut: float) -> None:
    copies = []
    for path in PHOTOGRAPHS:
        picture = Image.open(path).convert("RGB")
        wide, high = picture.size
        inner = picture.crop((int(wide * cut), int(high * cut), int(wide * (1 - cut)), int(high * (1 - cut))))
        copies.append(as_file(inner.resize((wide // 2, high // 2)), "JPEG", quality=60))
    found = [nearest(copy, vectors) for copy in student.get_image_embedding_batch(copies)]
    assert found == [Path(path).stem for path in PHOTOGRAPHS]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("a cup of coffee", "coffee"),
        ("a cat", "chelsea"),
        ("a motorcycle", "motorcycle_left"),
        ("coins", "coins"),
    ],
)
def test_words_find_the_photograph_of_what_they_name(
    student: ClipEmbedding, vectors: np.ndarray, words: str, name: str
) -> None:
    assert nearest(student.get_query_embedding(words), vectors) == name


def test_a_batch_gives_what_single_pictures_give_in_order(student: ClipEmbedding, vectors: np.ndarray) -> None:
    backwards = student.get_image_embedding_batch(PHOTOGRAPHS[:4][::-1])
    assert np.allclose(backwards, vectors[:4][::-1], atol=1e-5)
    assert np.allclose([student.get_image_embedding(path) for path in PHOTOGRAPHS[:4]], vectors[:4], atol=1e-5)


def test_a_batch_is_one_run_of_the_picture_tower(student: ClipEmbedding) -> None:
    runs = []
    hook = student._loaded().clip.model.visual.register_forward_pre_hook(lambda _, given: runs.append(len(given[0])))
    try:
        student.get_image_embedding_batch(PHOTOGRAPHS[:5])
    finally:
        hook.remove()
    assert runs == [5]


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_a_grey_picture_gives_one_vector_in_every_mode(student: ClipEmbedding, mode: str) -> None:
    grey = Image.new("L", (40, 30), 255)
    grey.paste(0, (10, 10, 30, 20))
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    picture = deep if mode == "I;16" else grey.convert(mode)
    file = as_file(picture, "TIFF" if mode in ("CMYK", "F") else "PNG")
    one, other = student.get_image_embedding_batch([file, as_file(grey.convert("RGB"))])
    assert np.dot(one, other) > 0.999


def test_what_hides_below_full_transparency_does_not_matter(student: ClipEmbedding) -> None:
    clear = [as_file(Image.new("RGBA", (64, 64), (*colour, 0))) for colour in ((0, 0, 0), (255, 0, 0))]
    white = as_file(Image.new("RGB", (64, 64), "white"))
    one, other, plain = student.get_image_embedding_batch([*clear, white])
    assert one == other == plain


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (100_000, 1), (2, 1)])
def test_points_and_ribbons_are_embedded(student: ClipEmbedding, size: tuple[int, int]) -> None:
    vector = student.get_image_embedding(as_file(Image.new("RGB", size, "teal")))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_ribbon_keeps_its_middle() -> None:
    ribbon = Image.new("RGB", (10_000, 2), "white")
    ribbon.paste("black", (4_999, 0, 5_001, 2))
    middle = without_far_ends(ribbon)
    assert middle.size == (2 * LONGEST, 2)
    assert middle.getpixel((LONGEST, 0)) == (0, 0, 0)


def test_a_picture_is_turned_as_its_exif_says() -> None:
    picture = Image.new("RGB", (20, 10), "white")
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    picture.save(file := BytesIO(), "JPEG", exif=exif)
    assert open_picture(file).size == (10, 20)


def test_a_stream_can_be_embedded_twice(student: ClipEmbedding) -> None:
    file = as_file(Image.open(PHOTOGRAPHS[0]).resize((64, 64)))
    assert student.get_image_embedding(file) == student.get_image_embedding(file)


@pytest.mark.parametrize("content", [b"", b"not a picture", (DATA / "coffee.png").read_bytes()[:5000]])
def test_what_is_not_a_whole_picture_is_an_error_in_words(student: ClipEmbedding, content: bytes) -> None:
    with pytest.raises(PictureError, match="cannot be read as a picture"):
        student.get_image_embedding(BytesIO(content))


def test_a_missing_file_is_named(student: ClipEmbedding, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"there is no picture '.*gone\.png'"):
        student.get_image_embedding(str(tmp_path / "gone.png"))
