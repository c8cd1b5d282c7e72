"""The source `pdf`: every page of every file as an item."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagora import Item, Unreadable
from imagora.errors import PictureError, SourceError

from .options import PdfOptions
from .reader import Died, Document, Reader

MOST_DEATHS = 3
"""Pages of one file that may end the reader's process; then the rest of the file is not tried."""


@dataclass(frozen=True)
class PagePicture:
    """Draws a page and gives it as PNG when called, and not before."""

    document: Document
    page: int
    dpi: int
    reader: Reader = field(repr=False, compare=False)

    def __call__(self) -> bytes:
        return self.reader.ask(self.document, {"page": self.page, "dpi": self.dpi})[1]


class PdfSource:
    """Gives the pages of a PDF file, or of all in a folder, in the order of their names."""

    def __init__(self, options: PdfOptions) -> None:
        self.options = options
        self.reader = Reader(options)

    @property
    def uri(self) -> str:
        """The file's or folder's absolute path behind "pdf:"."""
        return f"pdf:{self._path().as_posix()}"

    def count(self) -> int | None:
        """Say nothing: to count the pages is to open every file."""
        return None

    def items(self) -> Iterator[Item | Unreadable]:
        """Give every page; a file that cannot be read is named with its reason, and hides its pages."""
        root, empty = self._path(), True
        for found in self._files(root):
            empty = False
            if isinstance(found, Unreadable):
                yield found
                continue
            name = found.name if found == root else found.relative_to(root).as_posix()
            try:
                document, facts = self.reader.list(found)
                pages, title = int(facts["pages"]), str(facts["title"]) or found.stem
                wanted = self._wanted(pages)
            except (PictureError, LookupError, ValueError, TypeError) as error:  # the last: a process taken over
                yield Unreadable(name, str(error), hides_others=True)
                continue
            yield from self._pages(name, document, wanted, {"title": title, "pages": pages})
        if empty:
            raise SourceError(f"there are no files that end in .pdf in '{root}'", code="IMG-704")

    def _path(self) -> Path:
        if self.options.path is None:
            what = "the source 'pdf' has no file; say 'path: …' in the recipe, or type: --source PATH"
            raise SourceError(what, code="IMG-702")
        return Path(os.path.abspath(self.options.path))  # noqa: PTH100 - resolve() would follow links: another name

    def _files(self, root: Path) -> Iterator[Path | Unreadable]:
        """Give the file itself, or the folder's files sorted; links are passed over, hidden files too."""
        if not root.is_dir():
            if not root.exists():
                what = f"'{root}' is not there; give another with 'path: …' in the recipe or --source PATH"
                raise SourceError(what, code="IMG-703")
            yield root.resolve() if root.is_symlink() else root
            return
        failed: list[OSError] = []
        for folder, folders, files in os.walk(root, onerror=failed.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(folder, name)
                if path.suffix.lower() != ".pdf" or name.startswith(".") or path.is_symlink():
                    continue
                if any("\ud800" <= letter <= "\udfff" for letter in str(path.relative_to(root))):
                    shown = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
                    yield Unreadable(shown, "its name is not valid UTF-8; give it another", hides_others=True)
                else:
                    yield path
        for error in failed:
            name = Path(str(error.filename)).relative_to(root).as_posix()
            yield Unreadable(name, f"the folder cannot be read: {error.strerror}", hides_others=True)

    def _wanted(self, pages: int) -> list[int]:
        wanted, most = self.options.wanted(pages), self.options.max_pages
        if pages < 1:
            raise PictureError("it has no pages")
        if len(wanted) > most:
            raise PictureError(
                f"it has {pages} pages, and 'max_pages' is {most}; raise it, or choose some with 'pages'"
            )
        return wanted

    def _pages(
        self, name: str, document: Document, wanted: list[int], facts: dict[str, Any]
    ) -> Iterator[Item | Unreadable]:
        deaths = 0
        for page in wanted:
            uri, version = f"{name}#page={page}", f"{document.sha256} page {page} {self.options.dpi} dpi"
            try:
                if deaths >= MOST_DEATHS:
                    raise PictureError(f"not tried: {MOST_DEATHS} other pages of the file could not be read either")
                text = str(self.reader.ask(document, {"page": page})[0].get("text", ""))
            except PictureError as error:
                deaths += isinstance(error, Died)
                yield Unreadable(uri, str(error))
                continue
            picture = PagePicture(document, page, self.options.dpi, self.reader)
            yield Item(uri, text, picture, {**facts, "page": page}, version)
