"""A preparer that reads the words in pictures, with RapidOCR's models or with Tesseract."""

from __future__ import annotations

from functools import partial
from typing import Any

import imagora
from imagora import BuildContext, Component, Model

imagora_api = ">=1.0,<2"


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
            models=_models,
            about="Printed and clearly lettered words in 50 languages, among them English, German, Chinese and "
            "Japanese, by models that are part of the package; no download. Not for handwriting and formulas.",
        )
    ]


def _models(options: Any) -> list[Model]:
    if options.reader == "tesseract":
        return [Model(f"tesseract {language}") for language in options.languages or ("eng",)]
    from .rapid import IN_THE_PACKAGE, find_models

    found = []
    for name in ("detection", "direction", "recognition"):
        own = getattr(options, f"{name}_model")
        files = partial(lambda name: [getattr(find_models(options), name)], name)
        by = "MODEL_LICENSES.md of rapidocr"
        shipped = Model(IN_THE_PACKAGE[f"{name}_model"], files, "rapidocr", "Apache-2.0", by)
        found.append(Model(own.name, files) if own else shipped)
    return found


def _build(options: Any, _context: BuildContext) -> Any:
    from .preparer import OcrPreparer

    if options.reader == "tesseract":
        from .tesseract import Tesseract

        return OcrPreparer(options, Tesseract(options))
    from .rapid import RapidReader

    return OcrPreparer(options, RapidReader(options))
