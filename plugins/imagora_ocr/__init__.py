"""A preparer that reads the words in pictures, with RapidOCR's models or with Tesseract."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component


@imagora.hookimpl
def offer_preparers() -> list[Component[Any]]:
    """Offer `ocr`."""
    from .options import OcrOptions

    return [
        Component(
            name="ocr",
            summary="Reads the words in pictures, so that pictures are found by them.",
            options=OcrOptions,
            build=_build,
            requires=("rapidocr", "onnxruntime"),
            extra="ocr",
            about="Printed and clearly lettered words in 50 languages, among them English, German, Chinese and "
            "Japanese, by models that are part of the package; no download. Not for handwriting and formulas.",
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .preparer import OcrPreparer

    if options.reader == "tesseract":
        from .tesseract import Tesseract

        return OcrPreparer(options, Tesseract(options))
    from .rapid import RapidReader

    return OcrPreparer(options, RapidReader(options))
