"""Reading with Tesseract, a program of its own that pytesseract starts for each picture."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby
from typing import Any

from imagora.errors import PictureError, StageError

from .options import OcrOptions

_WORD = 5  # tesseract's level of single words, below page, block, paragraph and line


class Tesseract:
    """Reads lines from the top; raises StageError when made where pytesseract or tesseract is not installed."""

    def __init__(self, options: OcrOptions) -> None:
        if find_spec("pytesseract") is None:
            raise StageError("'reader: tesseract' needs pytesseract; type: pip install pytesseract")
        if shutil.which("tesseract") is None:
            raise StageError(
                "there is no program 'tesseract' on the PATH; install it by the system's package manager, "
                "e.g. type: apt-get install tesseract-ocr"
            )
        self._languages = "+".join(options.languages or ("eng",))
        self._least, self._seconds = options.min_confidence, options.seconds

    def __call__(self, png: bytes) -> Sequence[str]:
        """Give the lines, each with the words that tesseract is sure enough of."""
        import pytesseract  # type: ignore[import-untyped]  # it has no types
        from PIL import Image

        try:
            with Image.open(BytesIO(png)) as picture:
                found: dict[str, list[Any]] = pytesseract.image_to_data(
                    picture, self._languages, timeout=self._seconds, output_type=pytesseract.Output.DICT
                )
        except pytesseract.TesseractError as error:
            raise StageError(_said(error, self._languages)) from error
        except RuntimeError as error:  # what pytesseract raises when the time is over
            raise PictureError(f"tesseract took longer than {self._seconds:g} s") from error
        return [" ".join(words) for words in _lines(found, self._least * 100)]


def _lines(found: dict[str, list[Any]], least: float) -> list[list[str]]:
    rows = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    words = [row for row in rows if row["level"] == _WORD and float(row["conf"]) >= least]
    by_line = groupby(words, key=lambda row: (row["page_num"], row["block_num"], row["par_num"], row["line_num"]))
    return [[str(row["text"]) for row in line] for _, line in by_line]


def _said(error: Exception, languages: str) -> str:
    said = str(error)
    if "load" in said and "language" in said:
        return f"tesseract has no data for '{languages}'; 'tesseract --list-langs' says what there is"
    return f"tesseract failed: {said.splitlines()[0][:300]}"
