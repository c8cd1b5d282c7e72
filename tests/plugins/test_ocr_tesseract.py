"""`reader: tesseract` reads with the program where it is installed, and says what to type where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from imagora import BuildContext
from imagora.errors import PictureError, StageError
from imagora_ocr import offer_preparers
from imagora_ocr.options import OcrOptions
from imagora_ocr.preparer import OcrPreparer
from imagora_ocr.tesseract import Tesseract

from .test_ocr_words import SIGN, prepared, read, sign

pytest.importorskip("pytesseract", reason="needs the extra: pip install 'imagora[ocr]'")
needs_tesseract = pytest.mark.skipif(not shutil.which("tesseract"), reason="the program 'tesseract' is not installed")


@needs_tesseract
def test_drawn_words_are_all_read_and_line_by_line() -> None:
    (component,) = offer_preparers()
    stage = component.build(OcrOptions(reader="tesseract"), BuildContext("test"))
    assert read(stage, prepared(sign())) == {"ocr_text": "\n".join(SIGN)}


@needs_tesseract
def test_words_below_the_wanted_confidence_are_left_out() -> None:
    options = OcrOptions(reader="tesseract", min_confidence=1)
    assert read(OcrPreparer(options, Tesseract(options)), prepared(sign())) == {}


@needs_tesseract
def test_a_language_without_data_is_named() -> None:
    options = OcrOptions(reader="tesseract", languages=("xyz",))
    with pytest.raises(StageError, match="tesseract has no data for 'xyz'"):
        Tesseract(options)(sign())


@needs_tesseract
def test_a_picture_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(PictureError, match=r"tesseract took longer than 0\.001 s"):
        Tesseract(OcrOptions(reader="tesseract", seconds=0.001))(sign())


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError, match="there is no program 'tesseract' on the PATH"):
        Tesseract(OcrOptions(reader="tesseract"))
