"""The source `postgres`: the rows of a query, all of them each time, or those that changed since the last run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
from imagora import Deleted, Item, Unreadable
from imagora.errors import PictureError, SourceError

from .connecting import Row, in_words, reading
from .options import PostgresOptions
from .rows import thing_of
from .state import Marks, forget_last, read_last, write_last
from .statement import Shape, count_of, picture_of, rows_of, run, shape_of

ROWS = 500
"""Rows that are fetched together; fewer where pictures come with them."""
ROWS_WITH_PICTURES = 16


class Rows:
    """Gives every row of the query; what it gives no more is deleted."""

    def __init__(self, options: PostgresOptions) -> None:
        self.options = options
        self._missed = False  # whether a picture could not be fetched for want of the database

    @property
    def uri(self) -> str:
        """The source's name behind "postgres:", whatever the server and the query are."""
        return f"postgres:{self.options.name}"

    def count(self) -> int:
        """Say how many rows there are."""
        with reading(self.options) as connection:
            shape = shape_of(connection, self.options)
            with in_words(self.options):
                counted = run(connection, count_of(self.options, shape, self._last(shape))).fetchone()
        return int(counted[0]) if counted else 0

    def items(self) -> Iterator[Item | Unreadable | Deleted]:
        """Give every row in the order of their ids."""
        with reading(self.options) as connection:
            for thing, _, _ in self._things(connection):
                yield thing

    def _last(self, _shape: Shape) -> str | None:
        return None

    def _things(
        self, connection: psycopg.Connection[Row]
    ) -> Iterator[tuple[Item | Unreadable | Deleted, str | None, Shape]]:
        """Give what each row is, the cursor's value as text, and the query's shape."""
        shape = shape_of(connection, self.options)
        names, last = list(shape.types), self._last(shape)
        size = ROWS_WITH_PICTURES if shape.holds_pictures and not shape.fetches else ROWS
        rows = _fetched(connection, self.options, rows_of(self.options, shape, last), size)
        for number, row in enumerate(rows, start=1):
            said: dict[str, Any] = dict(zip(names, row, strict=False))
            yield thing_of(said, number, shape, self.options, self._fetch(shape)), row[-1], shape

    def _fetch(self, shape: Shape) -> Any:
        def fetch(id_: object) -> bytes:
            # A connection of its own: pictures are asked for from several threads, and after the rows are read.
            try:
                with reading(self.options) as connection, in_words(self.options):
                    row = run(connection, picture_of(self.options, shape, id_)).fetchone()
            except SourceError:
                self._missed = True
                raise
            if row is None or row[0] is None:
                raise PictureError("it is no longer in the database")
            return bytes(row[0])

        return fetch


class ChangedRows(Rows):
    """Gives rows that changed since the last run, and those shortly before; what is acknowledged counts as read."""

    def __init__(self, options: PostgresOptions) -> None:
        super().__init__(options)
        self._marks: tuple[Marks, Shape | None] = Marks(), None

    def items(self) -> Iterator[Item | Unreadable | Deleted]:
        """Give changed rows in the order of their cursor's values; rows without one come each time."""
        with reading(self.options) as connection:
            marks, self._missed = Marks(), False
            for given, (thing, value, shape) in enumerate(self._things(connection), start=1):
                self._marks = marks, shape
                if value not in (None, "infinity", "-infinity", "NaN"):  # nothing would come after these
                    marks.add(given, value)
                yield thing

    def restart(self) -> None:
        """Forget how far the last run came, so that the next reads every row."""
        forget_last(self.options)

    def acknowledge(self, given: int) -> None:
        """Keep how far this run came: what the first `given` rows were is in the index, or refused for good."""
        marks, shape = self._marks
        last = marks.upto(given)
        if last is not None and shape is not None and not self._missed:  # what was missed comes again in the next run
            write_last(self.options, shape, last)

    def _last(self, shape: Shape) -> str | None:
        return read_last(self.options, shape)


def _fetched(
    connection: psycopg.Connection[Row], options: PostgresOptions, statement: bytes, size: int
) -> Iterator[Row]:
    """Read rows through a cursor of the server's, so that memory does not grow with their number."""
    cursor = connection.cursor("imagora_rows")
    try:
        with in_words(options):
            cursor.execute(statement)
        while True:
            with in_words(options):
                rows = cursor.fetchmany(size)
            if not rows:
                return
            yield from rows
    finally:
        with suppress(psycopg.Error):  # the connection may be lost
            cursor.close()
