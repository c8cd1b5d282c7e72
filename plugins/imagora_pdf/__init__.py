"""Pages of PDF files as items: each a picture with its text."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `pdf`."""
    from .options import PdfOptions

    return [
        Component(
            name="pdf",
            summary="Pages of PDF files: each an item with its picture and its text.",
            options=PdfOptions,
            build=_build,
            requires=("pypdfium2",),
            extra="pdf",
            about="Files are read in a process of its own within limits of time and memory. Text comes from the pages' "
            "text layer: scanned pages have none, and need the preparer 'ocr'.",
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import PdfSource

    return PdfSource(options)
