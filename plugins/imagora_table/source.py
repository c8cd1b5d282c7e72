"""The source `table`: its rows as items, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from imagora import Item, Unreadable
from imagora.errors import SourceError, did_you_mean
from imagora.item import JSONValue

from .fetching import Fetcher
from .names import Names
from .options import TableOptions
from .pictures import UrlPicture, is_url, picture_at, picture_beside
from .rows import ENDINGS, Row, open_table
from .values import Unusable, is_empty, plain, shown, typed, words_of


class TableSource:
    """Gives a table's rows as items; a row that cannot be used is named, and the rest goes on."""

    def __init__(self, options: TableOptions) -> None:
        self.options = options
        self.fetcher: Fetcher | None = None
        if options.urls != "refused":
            schemes = ("https",) if options.urls == "https" else ("https", "http")
            limits = options.url_seconds, options.url_bytes
            self.fetcher = Fetcher(schemes, options.hosts, *limits, allow_private=options.allow_private)

    @property
    def uri(self) -> str:
        """The table's absolute path behind "table:"."""
        return f"table:{self._path().as_posix()}"

    def count(self) -> int | None:
        """Say nothing: to count the rows is to read all of them."""
        return None

    def items(self) -> Iterator[Item | Unreadable]:
        """Give every row in the table's order; raise SourceError where the table cannot be read on."""
        path = self._path()
        table = open_table(path, self.options)
        if table.columns is not None:
            self._check(path, table.columns)
        empty = True
        with closing(table.file), closing(Names()) as names:
            for row in table.rows:
                empty = False
                yield self._given(path, row, names)
        if empty:
            raise SourceError(
                f"the table '{path}' has no rows; below the columns' names, each item has a line of its own",
                code="IMG-704",
            )

    def _path(self) -> Path:
        if self.options.path is None:
            what = "the source 'table' has no file; say 'path: …' in the recipe, or type: --source FILE"
            raise SourceError(what, code="IMG-702")
        path = Path(os.path.abspath(self.options.path))  # noqa: PTH100 - resolve() would follow links: another name
        if path.suffix.lower() not in ENDINGS:
            raise SourceError(f"a table's name ends in one of {', '.join(ENDINGS)}, and '{path.name}' does not")
        return path

    def _check(self, path: Path, columns: tuple[str, ...]) -> None:
        """Raise SourceError where the recipe names a column that the table does not have."""
        named = [getattr(self.options.columns, role) for role in self.options.columns.model_fields_set]
        for name in (*filter(None, named), *(self.options.metadata or ())):
            if name not in columns:
                raise SourceError(
                    f"the table '{path}' has no column '{name}'{did_you_mean(name, filter(None, columns))}"
                )
        if self.options.columns.id not in columns and self.options.columns.picture not in columns:
            missing = f"neither a column '{self.options.columns.id}' nor '{self.options.columns.picture}'"
            there = ", ".join(filter(None, columns))
            raise SourceError(f"the table '{path}' has {missing} (there is: {there}); say which with 'columns: …'")
        for name in self._others(columns):
            if name.startswith("_") or name == "uri":
                what = (
                    f"the column '{name}' of '{path}' cannot be metadata: keys do not begin with '_', and are not 'uri'"
                )
                raise SourceError(f"{what}; rename it, or list the columns that are metadata with 'metadata: …'")

    def _others(self, columns: tuple[str, ...]) -> list[str]:
        """Give the columns that are metadata because the recipe does not say which are."""
        known = {value for value in self.options.columns.model_dump().values() if value}
        return [] if self.options.metadata is not None else [name for name in columns if name and name not in known]

    def _given(self, path: Path, row: Row, names: Names) -> Item | Unreadable:
        where = f"{path.name}, {row.where}"
        if row.reason is not None:
            return Unreadable(where, f"{row.where}: {row.reason}", hides_others=True)
        try:
            uri, url = self._name(row)
        except Unusable as error:
            return Unreadable(where, f"{row.where}: {error}", hides_others=True)
        if first := names.first(uri, row.where):
            what = f"{row.where}: the name {shown(uri)} is taken already, by {first}"
            hint = (
                "" if self.options.columns.id in row.cells else f"; give the rows a column '{self.options.columns.id}'"
            )
            return Unreadable(where, what + hint)
        try:
            return self._item(path.parent, row, uri, url)
        except Unusable as error:
            return Unreadable(uri, f"{row.where}: {error}")

    def _name(self, row: Row) -> tuple[str, str]:
        """Give what names a row and its picture; raise Unusable where one of them cannot be known."""
        columns = self.options.columns
        picture, uri = row.cells.get(columns.picture), row.cells.get(columns.id)
        if not is_empty(uri):
            return str(typed(columns.id, uri, "str")).strip(), "" if is_empty(picture) else str(picture).strip()
        if not isinstance(picture, str) or is_empty(picture):
            raise Unusable(f"it has neither an '{columns.id}' nor a '{columns.picture}' to be named by")
        picture = str(plain(columns.picture, picture)).strip()
        return picture if is_url(picture) else picture.replace("\\", "/").removeprefix("./"), picture

    def _item(self, root: Path, row: Row, uri: str, named: str) -> Item:
        columns, cells = self.options.columns, row.cells
        if not isinstance(cells.get(columns.picture, ""), str | None):
            raise Unusable(f"'{columns.picture}' must be a path or a URL")
        text = "" if is_empty(cells.get(columns.text)) else str(typed(columns.text, cells[columns.text], "str"))
        metadata = self._metadata(row)
        picture: Path | UrlPicture | None = None
        if named:
            picture = picture_at(named, self.fetcher) if is_url(named) else picture_beside(root, named)
        elif not Item(uri, text, metadata=metadata).words.strip():
            raise Unusable("it has neither a picture nor words")
        return Item(uri, text, picture, metadata, self._version(row, picture))

    def _metadata(self, row: Row) -> dict[str, JSONValue]:
        columns, cells = self.options.columns, row.cells
        found: dict[str, JSONValue] = {}
        if not is_empty(cells.get(columns.title)):
            found["title"] = typed(columns.title, cells[columns.title], "str")
        if not is_empty(cells.get(columns.tags)):
            found["tags"] = words_of(columns.tags, cells[columns.tags])
        for name, kind in (self.options.metadata or {}).items():
            if not is_empty(cells.get(name)):
                found[name] = typed(name, cells[name], kind)
        for name in self._others(tuple(cells)):
            if name.startswith("_") or name == "uri":
                raise Unusable(f"'{name}' cannot be metadata: keys do not begin with '_', and are not 'uri'")
            if not is_empty(cells[name]):
                found[str(plain(name, name))] = plain(name, cells[name])
        return found

    def _version(self, row: Row, picture: Path | UrlPicture | None) -> str | None:
        column = self.options.columns.version
        if picture is None:
            return None
        if column is not None and not is_empty(row.cells.get(column)):
            return f"{picture.url if isinstance(picture, UrlPicture) else picture} {plain(column, row.cells[column])}"
        return self.fetcher.version(picture.url) if isinstance(picture, UrlPicture) and self.fetcher else None
