"""What `ocr` reads in a photograph and in drawn words, and what becomes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import imagora
import pytest
from imagora import Item, Picture
from imagora.errors import ImagoraError, PictureError, StageError
from imagora.item import JSONValue
from imagora.pictures import decode
from imagora.stages import Prepared
from imagora.testing import ComponentContract, PreparerContract
from imagora.testing.golden import ITEMS, png
from imagora_ocr.options import OcrOptions
from imagora_ocr.preparer import OcrPreparer, cut
from imagora_ocr.rapid import RapidReader
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError

pytest.importorskip("rapidocr", reason="needs the extra: pip install 'imagora[ocr]'")

PAGE = """Region-based segmentation
Let us first determine markers of the coins and the background. These markers are pixels that we can label
unambiguously as either object or background. Here, the markers are found at the two extreme parts of the histogram
of grey values: markers np zeros like coins"""
SIGN = ("Platform 9 departs at noon", "Mind the gap")


def ocr(**options: Any) -> OcrPreparer:
    given = OcrOptions.model_validate(options)
    return OcrPreparer(given, RapidReader(given))


def sign(turned: int = 0) -> bytes:
    picture = Image.new("RGB", (400, 300), "white")
    for line, words in enumerate(SIGN):
        ImageDraw.Draw(picture).text((20, 60 + 90 * line), words, fill="black", font=ImageFont.load_default(28))
    picture.rotate(turned).save(file := BytesIO(), "PNG")
    return file.getvalue()


@cache
def decoded(picture: bytes) -> Picture:
    return decode(picture)


def prepared(picture: bytes | None, metadata: Mapping[str, JSONValue] | None = None, text: str = "") -> Prepared:
    return Prepared(Item("a", text, picture, metadata or {}), decoded(picture) if picture else None)


def read(stage: OcrPreparer, given: Prepared) -> Mapping[str, JSONValue]:
    (one,) = stage.prepare([given])
    assert one.item.uri == given.item.uri and one.picture is given.picture
    return one.item.metadata


def words(text: object) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", str(text).lower()))


def fails(_png: bytes) -> list[str]:
    raise ValueError("odd")


class TestOcrComponent(ComponentContract):
    plugin = "imagora_ocr"


class TestOcrPreparer(PreparerContract):
    @pytest.fixture
    def items(self) -> list[Item]:
        return [Item("sign", "", sign()), ITEMS[0], Item("words", "some words")]

    @pytest.fixture
    def stage(self) -> OcrPreparer:
        return ocr()


def test_a_photograph_of_a_page_gives_most_of_its_words() -> None:
    skimage = pytest.importorskip("skimage", reason="the photograph is in scikit-image")
    metadata = read(ocr(), prepared(Path(skimage.__file__).parent.joinpath("data/page.png").read_bytes()))
    found, wanted = words(metadata["ocr_text"]), words(PAGE)
    assert len(found & wanted) / len(wanted) >= 0.8, f"missing: {wanted - found}"


@pytest.mark.parametrize("turned", [0, 180])
def test_drawn_words_are_all_read_and_line_by_line(turned: int) -> None:
    lines = str(read(ocr(), prepared(sign(turned)))["ocr_text"]).splitlines()
    assert sorted(lines) == sorted(SIGN)
    assert lines == list(SIGN) or turned, "from the top"


@pytest.mark.parametrize("turned", [0, 90])
def test_a_long_strip_is_read_and_a_thin_one_costs_nothing(turned: int) -> None:
    strip = Image.new("RGB", (1500, 40), "white")
    ImageDraw.Draw(strip).text((500, 4), SIGN[0], fill="black", font=ImageFont.load_default(28))
    found = read(ocr(), prepared(png(strip.rotate(turned, expand=True)))).get("ocr_text")
    assert words(found) == words(SIGN[0])
    assert read(ocr(), prepared(png(strip.resize((4000, 2)).rotate(turned, expand=True)))) == {}


def test_the_words_are_found_by() -> None:
    (one,) = ocr().prepare([prepared(sign(), {"title": "A sign"}, "on a wall")])
    assert one.item.words == "\n".join(("A sign", "on a wall", *SIGN)) and one.item.text == "on a wall"


def test_a_picture_without_words_gets_none() -> None:
    assert "ocr_text" not in read(ocr(), prepared(ITEMS[1].picture))  # type: ignore[arg-type]  # the golden ones are bytes


def test_lines_below_the_wanted_confidence_are_left_out() -> None:
    assert "ocr_text" not in read(ocr(min_confidence=1), prepared(sign()))


def test_a_long_text_is_cut_after_a_word_and_says_so() -> None:
    assert read(ocr(max_characters=20), prepared(sign())) == {"ocr_text": "Platform 9 departs", "ocr_cut": True}


def test_threads_share_one_reader_and_read_the_same() -> None:
    stages = [ocr(), ocr()]
    with ThreadPoolExecutor(3) as pool:
        texts = list(pool.map(lambda n: read(stages[n % 2], prepared(sign()))["ocr_text"], range(3)))
    assert texts == ["\n".join(SIGN)] * 3


@pytest.mark.parametrize(("text", "most", "kept"), [("ab cd", 5, "ab cd"), ("ab cd", 4, "ab"), ("abcdef", 3, "abc")])
def test_cutting_keeps_whole_words_where_it_can(text: str, most: int, kept: str) -> None:
    assert cut(text, most) == kept


def test_what_needs_no_reading_is_not_read() -> None:
    stage = OcrPreparer(OcrOptions(), fails)
    assert stage.prepare([prepared(None, text="words")]) == [prepared(None, text="words")]
    assert read(stage, prepared(sign(), {"ocr_text": "by hand"})) == {"ocr_text": "by hand"}
    wordless = OcrPreparer(OcrOptions(only_wordless=True), fails)
    assert read(wordless, prepared(sign(), {"title": "A sign"})) == {"title": "A sign"}
    with pytest.raises(PictureError):
        wordless.prepare([prepared(sign())])


def test_a_failure_is_said_in_words() -> None:
    with pytest.raises(PictureError, match="the words in it cannot be read: ValueError: odd"):
        OcrPreparer(OcrOptions(), fails).prepare([prepared(sign())])


def test_lines_of_too_few_letters_are_left_out() -> None:
    lines = ["8", "\u25a0\u25a0\u25a0", "- 9 -", "42"]
    assert read(OcrPreparer(OcrOptions(), lambda _png: lines), prepared(sign())) == {"ocr_text": "42"}
    all_kept = OcrPreparer(OcrOptions(min_characters=1), lambda _png: lines)
    assert read(all_kept, prepared(sign())) == {"ocr_text": "8\n- 9 -\n42"}


def test_control_characters_do_not_get_into_the_words() -> None:
    stage = OcrPreparer(OcrOptions(), lambda _png: ["a\x1b[31m\x00 b", "\u200b", " cd "])
    assert read(stage, prepared(sign())) == {"ocr_text": "a [31m b\ncd"}


def test_a_model_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there is no file '.*gone.onnx', which 'recognition_model' names"):
        ocr(recognition_model=tmp_path / "gone.onnx")


def test_a_model_without_its_characters_is_refused_rather_than_completed_from_the_network(tmp_path: Path) -> None:
    package = pytest.importorskip("rapidocr").__file__ or ""
    other = Path(package).parent / "models" / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"  # has no list of characters
    (tmp_path / "own.onnx").write_bytes(other.read_bytes())
    with pytest.raises(ImagoraError, match="does not list its characters"):
        ocr(recognition_model=tmp_path / "own.onnx").prepare([prepared(sign())])


def test_options_of_the_other_reader_are_refused() -> None:
    with pytest.raises(ValidationError, match="'languages' is for 'reader: tesseract'"):
        OcrOptions(languages=("eng",))
    with pytest.raises(ValidationError, match="'direction_model' is for 'reader: rapidocr'"):
        OcrOptions(reader="tesseract", direction_model=Path("a.onnx"))
    with pytest.raises(ValidationError):
        OcrOptions(reader="tesseract", languages=("eng --psm 0",))


def test_a_query_of_a_picture_finds_a_text_by_the_words_in_it(tmp_path: Path) -> None:
    """On a recipe without a picture leg, so that nothing but reading can find anything."""
    (tmp_path / "photos").mkdir()
    for name, said in (("plan", "Trains stop on platform 9 at noon."), ("menu", "Soup, bread and an apple.")):
        (tmp_path / "photos" / f"{name}.png").write_bytes(png(Image.new("RGB", (64, 64), "white")))
        (tmp_path / "photos" / f"{name}.txt").write_text(said)
    recipe = {
        "recipe": 1,
        "source": {"use": "folder", "path": "photos"},
        "preparers": [{"use": "ocr"}],
        "embedders": {"sparse": {"use": "bm25"}},
        "index": {"use": "qdrant", "path": "index"},
        "retriever": {"use": "hybrid"},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    with imagora.load(tmp_path / "recipe.yaml") as pipeline:
        pipeline.ingest()
        found = pipeline.search(pictures=[sign()])
    assert [passage.uri for passage in found.passages] == ["plan.png"]
    assert found.passages[0].scores["sparse/picture"] > 0
    assert (found.stages[0].stage, found.stages[0].component) == ("preparer (query)", "ocr")
