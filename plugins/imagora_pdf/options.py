"""The options of the source `pdf`."""

from __future__ import annotations

import re
from typing import Annotated

from imagora import Options, RecipePath
from pydantic import AfterValidator, BeforeValidator, Field

_PART = re.compile(r"([0-9]{1,7})(-([0-9]{1,7})?)?")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _page_ranges(value: str | None) -> str | None:
    for part in (value or "1").split(","):
        found = _PART.fullmatch(part.strip())
        if not found or int(found[1]) < 1 or (found[3] and int(found[3]) < int(found[1])):
            raise ValueError("pages are written like '1-3, 7, 10-', from 1")
    return value


class PdfOptions(Options):
    """Which files, which of their pages, and how large these are drawn."""

    path: RecipePath | None = Field(
        default=None,
        description="A PDF file, or a folder whose files that end in .pdf are read, also in the folders in it; may be "
        "left out where the command line gives one with --source.",
    )
    dpi: int = Field(default=150, ge=18, le=600, description="Dots per inch that pages are drawn with.")
    pages: Annotated[str | None, BeforeValidator(_as_text), AfterValidator(_page_ranges)] = Field(
        default=None, description="Which pages of each file, e.g. '1-3, 7, 10-'; all of them without it."
    )
    max_pages: int = Field(
        default=2000, ge=1, le=1_000_000, description="Pages that are taken of one file; one with more is refused."
    )
    max_bytes: int = Field(default=200_000_000, ge=1, description="Bytes that one file may have.")
    seconds: float = Field(default=20.0, gt=0, le=600, description="Seconds that reading or drawing one page may take.")
    memory: int = Field(
        default=2_000_000_000, ge=300_000_000, description="Bytes of memory that the process which reads PDFs may take."
    )

    def wanted(self, pages: int) -> list[int]:
        """Give the numbers of the wanted pages, from 1, of a file with that many; at most `max_pages` + 1 of them."""
        found: set[int] = set()
        for part in (self.pages or "1-").split(","):
            first, dash, last = part.strip().partition("-")
            end = min(pages, int(last) if last else pages if dash else int(first))
            found.update(range(int(first), min(end, int(first) + self.max_pages) + 1))
        return sorted(found)
