"""What a recipe may say about `ocr`, checked without importing what reads."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Options, RecipePath
from pydantic import Field, StringConstraints, model_validator

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_/]*$")]
_MODEL = "an ONNX file in PP-OCR's form; left out: the one in rapidocr's package. For the reader 'rapidocr'."


class OcrOptions(Options):
    """Which reader reads, how sure it must be, and how much of what it read is kept."""

    reader: Literal["rapidocr", "tesseract"] = Field(
        default="rapidocr",
        description="What reads: rapidocr, whose models are in its package, or tesseract, which is installed by the "
        "system's package manager and reached through pytesseract.",
    )
    languages: tuple[Language, ...] | None = Field(
        default=None,
        min_length=1,
        description="Tesseract's names of the languages to expect, e.g. [eng, deu]; left out: eng. Models of "
        "rapidocr know no such choice: name another recognition_model there.",
    )
    detection_model: RecipePath | None = Field(default=None, description=f"What finds lines of words: {_MODEL}")
    direction_model: RecipePath | None = Field(default=None, description=f"What turns lines upright: {_MODEL}")
    recognition_model: RecipePath | None = Field(
        default=None, description=f"What reads a line, with its characters listed in the file: {_MODEL}"
    )
    min_confidence: float = Field(
        default=0.5, ge=0, le=1, description="Lines (tesseract: words) that the reader is less sure of are left out."
    )
    min_characters: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Letters and digits that a line has at least; in photographs, shorter ones are mostly shapes taken "
        "for a sign.",
    )
    max_characters: int = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="Characters kept of a picture's words; what is longer is cut after a whole word, and the item gets "
        "'ocr_cut: true'.",
    )
    only_wordless: bool = Field(
        default=False, description="Read only pictures that came without a title, text, tags or caption."
    )
    threads: int = Field(default=2, ge=1, le=256, description="Processor cores that one picture is read with.")
    seconds: float = Field(default=30, gt=0, description="Longest time that tesseract may take for one picture.")

    @model_validator(mode="after")
    def _fits_the_reader(self) -> OcrOptions:
        models = ("detection_model", "direction_model", "recognition_model")
        if self.reader == "rapidocr" and self.languages:
            raise ValueError("'languages' is for 'reader: tesseract'; with rapidocr name another 'recognition_model'")
        if self.reader == "tesseract" and (named := [name for name in models if getattr(self, name)]):
            raise ValueError(f"'{named[0]}' is for 'reader: rapidocr'; with tesseract say the 'languages'")
        return self
