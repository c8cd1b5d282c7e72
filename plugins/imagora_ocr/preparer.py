"""The words of a picture become its item's `ocr_text`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from imagora.errors import ImagoraError, PictureError
from imagora.item import JSONValue
from imagora.stages import Prepared

from .options import OcrOptions

Reader = Callable[[bytes], Sequence[str]]
"""Gives the lines of a picture, from the top; the picture is a decoded PNG. Called from several threads."""


class OcrPreparer:
    """Writes what a reader finds into the metadata `ocr_text`, a line of the picture a line of text.

    An item keeps an `ocr_text` that it came with. A picture without words gets none.
    """

    reads = True

    def __init__(self, options: OcrOptions, read: Reader) -> None:
        self._options, self._read = options, read

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Give each item with the words of its picture; raises PictureError where they cannot be read."""
        return [self._with_words(one) for one in prepared]

    def _with_words(self, one: Prepared) -> Prepared:
        item = one.item
        if one.picture is None or item.metadata.get("ocr_text") or (self._options.only_wordless and item.words.strip()):
            return one
        try:
            lines = [" ".join(_printable(line).split()) for line in self._read(one.picture.png)]
        except ImagoraError:
            raise
        except Exception as error:  # OpenCV, ONNX Runtime and Pillow share no type of error
            raise PictureError(f"the words in it cannot be read: {type(error).__name__}: {error}") from error
        # models see a square or a cup as a sign or a letter
        text = "\n".join(line for line in lines if sum(map(str.isalnum, line)) >= self._options.min_characters)
        if not text:
            return one
        kept = cut(text, self._options.max_characters)
        words: dict[str, JSONValue] = {"ocr_text": kept}
        if kept != text:
            words["ocr_cut"] = True
        return replace(one, item=replace(item, metadata={**item.metadata, **words}))


def cut(text: str, most: int) -> str:
    """Give at most `most` characters, ending with a whole word where the last line has more than one."""
    if len(text) <= most:
        return text
    start = text[: most + 1]
    space = max(start.rfind(" "), start.rfind("\n"))
    return (start[:space] if space > 0 else text[:most]).rstrip()


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)
