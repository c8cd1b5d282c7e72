"""Pictures in traces: small JPEGs that a thread of their own makes, so that no query waits for one."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

SIDES, QUALITIES = (320, 224, 160, 96, 48), (80, 60, 40)
MOST_PIXELS = 50_000_000
WAITING = 16
"""Pictures that wait for their thumbnail at most: they are held whole until then."""
_PATIENCE = 10.0
_START = "data:image/jpeg;base64,"


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a trace shows it: `words` that say what it is, and soon a small JPEG."""

    words: str
    _made: Future[str | None] | None = None

    def url(self) -> str | None:
        """Give the JPEG as a data: URL, None where there is none; waits for it, so not to be called by a query."""
        try:
            return self._made.result(_PATIENCE) if self._made else None
        except Exception:  # whatever Pillow raises about bytes that are no picture: the words have to do
            return None


class Thumbnails:
    """Makes thumbnails whose data: URLs have at most `most` bytes; with a `most` of 0 it makes none."""

    def __init__(self, most: int) -> None:
        self._most, self._waiting = most, threading.Semaphore(WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imagora-thumbnails")

    def later(self, words: str, picture: Callable[[], bytes]) -> Thumbnail:
        """Give what will be the thumbnail of a picture; of one too many, words only."""
        if not self._most or not self._waiting.acquire(blocking=False):
            return Thumbnail(words)
        try:
            made = self._thread.submit(lambda: thumbnail(picture(), self._most))
        except RuntimeError:  # the program is about to end
            self._waiting.release()
            return Thumbnail(words)
        made.add_done_callback(lambda _: self._waiting.release())
        return Thumbnail(words, made)

    def close(self) -> None:
        """Make no more of them."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def thumbnail(picture: bytes, most: int) -> str | None:
    """Give a JPEG, made from the pixels and nothing else, as a data: URL of at most `most` bytes; None if none fits."""
    with Image.open(BytesIO(picture), formats=("PNG", "JPEG")) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            return None
        opened.draft("RGB", (SIDES[0], SIDES[0]))
        pixels = opened.convert("RGB")
    for side in SIDES:
        pixels.thumbnail((side, side), reducing_gap=2.0)
        for quality in QUALITIES:
            pixels.save(file := BytesIO(), "JPEG", quality=quality, optimize=True)
            url = _START + base64.b64encode(file.getvalue()).decode()
            if len(url) <= most:
                return url
    return None
