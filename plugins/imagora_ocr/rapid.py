"""Reading with RapidOCR's models on ONNX Runtime; never from the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagora.errors import StageError

from .options import OcrOptions

if TYPE_CHECKING:
    from rapidocr import RapidOCR

# Named in full, since rapidocr fetches whatever it chooses itself and does not find.
IN_THE_PACKAGE = {
    "detection_model": "PP-OCRv6_det_small.onnx",
    "direction_model": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "recognition_model": "PP-OCRv6_rec_small.onnx",
}
_SMALLEST = 6  # pixels from the top to the bottom of the smallest letters that can be told apart
_LONGEST = 8  # how many times longer than wide a picture may be as it is
_loading = Lock()


@dataclass(frozen=True)
class Models:
    """The files that one reader is made of; readers are shared by all that name the same."""

    detection: Path
    direction: Path
    recognition: Path
    threads: int


class RapidReader:
    """Reads lines from the top, by one reader a process for the same models, one picture at a time."""

    def __init__(self, options: OcrOptions) -> None:
        self._models = find_models(options)
        self._least = options.min_confidence

    def __call__(self, png: bytes) -> Sequence[str]:
        """Give the lines that the models are sure enough of."""
        readable = within_proportion(png)
        if readable is None:
            return []
        with _loading:  # two threads that come first must not both load
            reader, lock = _reader(self._models)
        with lock:  # a call writes its settings into the reader
            found: Any = reader(readable, text_score=self._least)
        return list(found.txts or ())


def within_proportion(png: bytes) -> bytes | None:
    """Put a long strip on a wider ground of its own colour; None for a strip that is too thin for any letter.

    The reader enlarges a picture until its shorter side is long enough: it would make billions of pixels of a strip.
    """
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        if min(picture.size) < _SMALLEST:
            return None
        least = max(picture.size) // _LONGEST
        if min(picture.size) >= least:
            return png
        ground = Image.new(
            "RGB", (max(picture.width, 2 * least), max(picture.height, 2 * least)), picture.getpixel((0, 0))
        )
        ground.paste(picture, ((ground.width - picture.width) // 2, (ground.height - picture.height) // 2))
        ground.save(file := BytesIO(), "PNG")
        return file.getvalue()


def find_models(options: OcrOptions) -> Models:
    """Say where the models are, opening none of them; raises StageError where one is not there."""
    spec = find_spec("rapidocr")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    files = {}
    for option, name in IN_THE_PACKAGE.items():
        own: Path | None = getattr(options, option)
        files[option] = (own or package / "models" / name).absolute()
        if files[option].is_file():
            continue
        if own:
            raise StageError(f"there is no file '{own}', which '{option}' names")
        raise StageError(f"the installed rapidocr has no model '{name}'; type: pip install -U rapidocr")
    threads = min(options.threads, os.cpu_count() or 1)  # rapidocr takes all cores where there are fewer than asked for
    return Models(files["detection_model"], files["direction_model"], files["recognition_model"], threads)


@lru_cache(maxsize=4)
def _reader(models: Models) -> tuple[RapidOCR, Lock]:
    from rapidocr import RapidOCR

    known = models.recognition.name == IN_THE_PACKAGE["recognition_model"]
    if not known and "character" not in _metadata(models.recognition):  # rapidocr would fetch a list
        raise StageError(f"the model '{models.recognition}' does not list its characters in its metadata 'character'")
    reader = RapidOCR(
        params={
            "Global.log_level": "critical",  # it says on stderr that a picture has no words, which is no news
            "Det.model_path": str(models.detection),
            "Cls.model_path": str(models.direction),
            "Rec.model_path": str(models.recognition),
            "EngineConfig.onnxruntime.intra_op_num_threads": models.threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    return reader, Lock()


def _metadata(model: Path) -> dict[str, str]:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]  # it has no types

    session = InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)
