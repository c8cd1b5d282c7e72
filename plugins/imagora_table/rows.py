"""The rows of a table, read one by one: CSV and JSON Lines with what Python has, Parquet with pyarrow."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TextIO

from imagora.errors import MissingExtra, SourceError

from .options import TableOptions

LINE = 1_000_000
"""Letters that a line may have: a file that is one endless line must not fill the memory."""
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # in this order: UTF-32's mark begins with UTF-16's


@dataclass(frozen=True)
class Row:
    """One row: where it is, in words, and its cells by column, or the reason why they cannot be read."""

    where: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class Table:
    """An opened table: its columns, None where every row has its own, and its rows, which can be read once.

    file: what to close when they are done with.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row]
    file: IO[Any]


def open_table(path: Path, options: TableOptions) -> Table:
    """Open a table and read its header."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would let us wait for ever
            raise SourceError(f"the table '{path}' is not a regular file", code="IMG-703")
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"the table '{path}' cannot be read: {error.strerror}", code="IMG-703") from None
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet(path, file)
    lines = _Lines(_decoded(file, options.encoding), path)
    if ending in (".jsonl", ".ndjson"):
        return Table(None, _json_lines(lines), lines.file)
    return _csv(path, lines, options.delimiter)


def _decoded(file: io.BufferedReader, encoding: str) -> TextIO:
    start = file.peek(4)[:4]
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), encoding)
    # A byte that is no UTF-8 becomes half a character, so that only its row is refused; wide letters have no such way.
    errors = "strict" if encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")) else "surrogateescape"
    return io.TextIOWrapper(file, encoding, errors, newline="")


class _TooLong(csv.Error):
    """A line is longer than the limit; the reader goes on behind it."""


class _Lines:
    """The lines of a text, each of bounded length; `number` is that of the last one given, from 1."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.file, self.path, self.number = file, path, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            self.file.close()
            raise StopIteration
        self.number += 1
        if len(line) <= LINE:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._read()
        raise _TooLong(f"the line is longer than {LINE} letters")

    def _read(self) -> str:
        try:
            return "" if self.file.closed else self.file.readline(LINE + 1)
        except UnicodeError as error:
            raise SourceError(f"the table '{self.path}' is damaged after line {self.number}: {error}") from None
        except OSError as error:
            raise SourceError(f"the table '{self.path}' cannot be read: {error.strerror}") from None


def _csv(path: Path, lines: _Lines, delimiter: str | None) -> Table:
    try:
        first = next(lines, "")
        while first and not first.strip():
            first = next(lines, "")
        sign = {None: _sniffed(first), "tab": "\t"}.get(delimiter, delimiter or ",")
        names = next(csv.reader([first], delimiter=sign, strict=True), [])
    except csv.Error as error:
        raise SourceError(f"the first line of '{path}' must have the columns' names, and is no CSV: {error}") from None
    columns = tuple(name.strip() for name in names)
    if not any(columns):
        raise SourceError(f"the table '{path}' is empty; its first line must have the columns' names")
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise SourceError(f"the table '{path}' has more than one column '{twice[0]}'; give them names of their own")
    return Table(columns, _csv_rows(lines, columns, sign), lines.file)


def _sniffed(header: str) -> str:
    """Give what the header has most of outside of quotes."""
    bare = "".join(header.split('"')[::2])
    return max(",;\t|", key=bare.count)


def _csv_rows(lines: _Lines, columns: tuple[str, ...], sign: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=sign, strict=True)
    while True:
        where = f"line {lines.number + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(where, reason=f"it is no CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue  # an empty line, or the empty rows that spreadsheets leave
        if len(cells) != len(columns):
            yield Row(
                where, reason=f"the number of values must be {len(columns)} as in the header, and it is {len(cells)}"
            )
        else:
            yield Row(where, {name: cell for name, cell in zip(columns, cells, strict=True) if name})


def _json_lines(lines: _Lines) -> Iterator[Row]:
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(f"line {lines.number}", reason=str(error))
            continue
        if line.strip():
            yield _json_row(f"line {lines.number}", line)


def _json_row(where: str, line: str) -> Row:
    try:
        cells = json.loads(line, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except RecursionError:
        return Row(where, reason="it is nested too deeply")
    except json.JSONDecodeError as error:
        return Row(where, reason=f"it is not JSON: {error.msg.lower()} at column {error.colno}")
    except ValueError as error:
        return Row(where, reason=f"it is not JSON: {error}")
    return Row(where, cells) if isinstance(cells, dict) else Row(where, reason="a row must be a mapping: {…}")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"'{name}' is not a number in JSON")


def _parquet(path: Path, file: io.BufferedReader) -> Table:
    try:
        from pyarrow import parquet  # type: ignore[import-untyped] # it has no types
    except ImportError:
        file.close()
        raise MissingExtra("Parquet needs 'pyarrow'; type: pip install 'imagora[table]'") from None
    try:
        # A buffer makes it read page by page and not whole row groups at once.
        table = parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        columns = tuple(table.schema_arrow.names)
    except Exception as error:  # whatever it raises, the file is no Parquet that it can read
        file.close()
        raise SourceError(f"the table '{path}' is not Parquet, or is damaged: {_first_line(error)}") from None
    if len(set(columns)) < len(columns):
        raise SourceError(f"the table '{path}' has two columns of the same name")
    return Table(columns, _parquet_rows(path, table), file)


def _parquet_rows(path: Path, table: Any) -> Iterator[Row]:
    number = 0
    try:
        for batch in table.iter_batches(batch_size=1000, use_threads=False):
            for cells in batch.to_pylist():
                number += 1
                yield Row(f"row {number}", cells)
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise SourceError(f"the table '{path}' is damaged after row {number}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".").replace(os.linesep, " ")
