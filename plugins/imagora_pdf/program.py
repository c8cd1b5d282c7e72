"""The program that reads a PDF in a process of its own, within limits; it imports pypdfium2 and nothing of Imagora.

It is started with the limits as JSON in its argument, and says "+" once it is ready. A frame is a length (8 bytes,
big-endian) and bytes. The first frame is the document; the reply to it, and to every request after it, is two frames:
facts as JSON, or a "reason", and a PNG. A request is JSON: {"page": 3} for words, with "dpi" for a picture.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from io import BytesIO
from threading import Timer
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped] # it has no types
from PIL import Image, PngImagePlugin  # noqa: F401 - the plugin writes the PNG, and no file can be opened later on

MOST_PIXELS = 16_000_000
MOST_LETTERS = 1_000_000
IDLE = 60.0
ERRORS = {
    "password": "it is encrypted, and needs a password",
    "security": "it is encrypted in a way that cannot be read",
    "success": "it has no pages",  # what pdfium says of one that is well and empty
    "data format": "it is not a PDF, or is damaged or cut off",
}


def opened(data: bytes) -> Any:
    """Open a document, or give the reason why it cannot be."""
    if b"%PDF-" not in data[:1024]:
        return "it is not a PDF: it does not begin with '%PDF-'"
    try:
        return pdfium.PdfDocument(data)
    except MemoryError:
        return "it needs more memory than is allowed"
    except Exception as error:  # hostile bytes raise anything
        said = str(error).lower()
        return next((reason for word, reason in ERRORS.items() if word in said), f"it cannot be opened ({said[:100]})")


def facts_of(document: Any) -> dict[str, Any]:
    """Give the number of pages, and the title that the document gives itself."""
    title = ""
    with suppress(Exception):  # a damaged title is no reason to lose the pages
        title = " ".join(clean(document.get_metadata_dict().get("Title", "")).split())[:300]
    return {"pages": len(document), "title": title}


def clean(text: str) -> str:
    """Give text with plain line ends, without control characters and halves of letters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "")
    kept = "".join(letter for letter in text if letter in "\n\t" or (letter >= " " and letter != "\x7f"))
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def words(page: Any) -> dict[str, Any]:
    """Give the words of a page's text layer."""
    layer = page.get_textpage()
    try:
        if layer.count_chars() > MOST_LETTERS:
            return {"reason": f"it has more than {MOST_LETTERS} letters"}
        return {"text": clean(layer.get_text_range())}
    finally:
        layer.close()


def drawn(page: Any, dpi: int) -> bytes:
    """Draw a page on white; a giant one is drawn smaller than was asked for, so that its picture stays bounded."""
    width, height = page.get_size()
    scale = dpi / 72
    if not 0 < width * height < float("inf"):
        raise ValueError("its page has no size")
    scale = min(scale, (MOST_PIXELS / (width * height)) ** 0.5, 20_000 / max(width, height))
    bitmap = page.render(scale=scale, draw_annots=True, may_draw_forms=False)
    image = bitmap.to_pil().convert("RGB")
    image.save(out := BytesIO(), "PNG", compress_level=1)
    return out.getvalue()


def reply(document: Any, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Give a page's words or its picture, or the reason why there are none."""
    try:
        page = document[request["page"] - 1]
        try:
            return ({}, drawn(page, request["dpi"])) if "dpi" in request else (words(page), b"")
        finally:
            page.close()
    except MemoryError:
        return {"reason": "the page needs more memory than is allowed", "leaving": True}, b""
    except Exception as error:  # hostile bytes raise anything, and all of it means the same
        said = " ".join(str(error).split())[:100] or type(error).__name__
        return {"reason": f"the page is damaged ({said.rstrip('.').lower()})"}, b""


def limit(**limits: float) -> None:
    """Set resource limits by name, never above those that hold already; there are none on Windows."""
    if sys.platform != "win32":
        import resource  # not there on Windows

        for name, value in limits.items():
            kind = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(kind)[1]
            with suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (int(value if hard == resource.RLIM_INFINITY else min(value, hard)), hard))


def main() -> None:
    """Answer requests about one document until there are no more, or none has come for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    limits = json.loads(sys.argv[1])
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a C library that prints cannot break the frames
    sys.dont_write_bytecode = True
    limit(AS=limits["memory"], NOFILE=32, FSIZE=0, CORE=0)
    replies.write(b"+")
    document: Any = None
    while True:
        replies.flush()
        idle = Timer(IDLE, os._exit, [0])
        idle.daemon = True
        idle.start()
        size = int.from_bytes(requests.read(8))
        idle.cancel()
        data = requests.read(size)
        if not size or len(data) < size:
            return
        limit(CPU=sum(os.times()[:2]) + limits["seconds"] + 2)  # should nobody be left to watch the clock
        if document is None:
            document = opened(data)
            facts, png = ({"reason": document} if isinstance(document, str) else facts_of(document)), b""
        else:
            facts, png = reply(document, json.loads(data))
        for frame in (json.dumps(facts).encode(), png):
            replies.write(len(frame).to_bytes(8) + frame)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
