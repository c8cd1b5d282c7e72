"""The catalogue: all that an index holds, in one SQLite file, written before any store hears of it.

An entry has a number, and a new one whenever it is written again. So a store adds and removes vectors by number and
never replaces one, and whatever it proposes that the catalogue does not know any more is old and left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from imagora.item import JSONValue
from imagora.stages import Entry, SparseVector, Vector

from .conditions import EVERYTHING, Condition
from .connection import Connection
from .fields import rows_of
from .identities import Legs
from .vectors import Matrix, packed, unpacked

Touched: TypeAlias = list[tuple[str, int]]
"""Legs and numbers whose vectors came or went."""
_PAGE = 1_000
_IN_ONE = 500
_TABLES = ("fields", "dense", "sparse", "termed")


class Catalogue:
    """An open catalogue; legs: whose vectors it holds."""

    def __init__(self, connection: Connection, legs: Legs) -> None:
        self.connection, self.legs = connection, legs
        self._counted: tuple[Any, dict[str, int]] = (None, {})

    def write(self, entries: Sequence[Entry]) -> Touched:
        """Write entries, each with a new number, and give what the stores have to hear of."""
        touched: Touched = []
        with self.connection.writing() as write:
            for entry in entries:
                self._forget(write, entry.id, touched)
                said = json.dumps(dict(entry.payload))
                number = write("INSERT INTO entries (id, payload) VALUES (?, ?)", (entry.id, said)).lastrowid
                self._write_fields(number, entry.payload)
                for leg, vector in entry.vectors.items():
                    self._write_vector(write, leg, number, vector, touched)
            write_waiting(self.connection, touched)
        return touched

    def relabel(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace payloads by id; unknown ids are ignored."""
        with self.connection.writing() as write:
            for id_, payload in payloads.items():
                found = write("SELECT number FROM entries WHERE id = ?", (id_,)).fetchone()
                if found is not None:
                    write("UPDATE entries SET payload = ? WHERE number = ?", (json.dumps(dict(payload)), found[0]))
                    write("DELETE FROM fields WHERE number = ?", found)
                    self._write_fields(found[0], payload)

    def remove(self, ids: Sequence[str]) -> Touched:
        """Remove entries by id, and give what the stores have to hear of; unknown ids are ignored."""
        touched: Touched = []
        with self.connection.writing() as write:
            for id_ in ids:
                self._forget(write, id_, touched)
            write_waiting(self.connection, touched)
        return touched

    def count(self) -> int:
        """Count the entries."""
        return int(self.connection.rows("SELECT count(*) FROM entries")[0][0])

    def ids(self) -> Iterator[str]:
        """Give all ids in their order, a page at a time."""
        last = ""
        while page := self.connection.rows("SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)):
            yield from (id_ for (id_,) in page)
            last = page[-1][0]

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        """Give by id what is stored on a leg."""
        numbers: dict[str, int] = {}
        for some in _parts(ids):
            asked = f"SELECT id, number FROM entries WHERE id IN ({_marks(some)})"
            numbers.update(self.connection.rows(asked, some))
        there = {id_: numbers[id_] for id_ in ids if id_ in numbers}
        if self.legs[leg].metric == "bm25":
            return self._sparse(there, leg)
        found, stored = self.dense(leg, list(there.values()))
        rows = dict(zip(found, stored.tolist(), strict=True))
        return {id_: rows[number] for id_, number in there.items() if number in rows}

    def dense(self, leg: str, numbers: Sequence[int], within: Condition = EVERYTHING) -> tuple[list[int], Matrix]:
        """Give those of the numbers that pass and have a vector on a leg, and their vectors."""
        found: list[tuple[int, bytes]] = []
        for some in _parts(numbers):
            asked = f"SELECT number, vector FROM dense WHERE leg = ? AND number IN ({_marks(some)}) AND {within.sql}"
            found += self.connection.rows(asked, (leg, *some, *within.values))
        return [number for number, _ in found], unpacked([vector for _, vector in found])

    def page_of_dense(self, leg: str, after: int, limit: int, within: Condition) -> list[tuple[int, bytes]]:
        """Give the next numbers that pass and have a vector on a leg, in their order, and the vectors."""
        asked = (
            f"SELECT number, vector FROM dense WHERE leg = ? AND number > ? AND {within.sql} ORDER BY number LIMIT ?"
        )
        return self.connection.rows(asked, (leg, after, *within.values, limit))

    def count_of(self, leg: str, within: Condition = EVERYTHING) -> int:
        """Count the entries that have a vector on a leg; with a condition: on a dense leg, those that pass."""
        if within is not EVERYTHING:
            asked = f"SELECT count(*) FROM dense WHERE leg = ? AND {within.sql}"
            return int(self.connection.rows(asked, (leg, *within.values))[0][0])
        version = self.connection.version()
        if self._counted[0] != version:
            parts = (f"SELECT leg, count(*) FROM {table} GROUP BY leg" for table in ("dense", "termed"))
            self._counted = version, dict(self.connection.rows(" UNION ALL ".join(parts)))
        return self._counted[1].get(leg, 0)

    def told(self, numbers: Sequence[int], within: Condition = EVERYTHING) -> dict[int, tuple[str, dict[str, Any]]]:
        """Give ids and payloads by number, of those that pass."""
        found: list[Any] = []
        for some in _parts(numbers):
            asked = f"SELECT number, id, payload FROM entries WHERE number IN ({_marks(some)}) AND {within.sql}"
            found += self.connection.rows(asked, (*some, *within.values))
        return {number: (id_, json.loads(payload)) for number, id_, payload in found}

    def _sparse(self, there: Mapping[str, int], leg: str) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        asked = "SELECT term, weight FROM sparse WHERE leg = ? AND number = ? ORDER BY term"
        for id_, number in there.items():
            if rows := self.connection.rows(asked, (leg, number)):
                terms, weights = zip(*rows, strict=True)
                found[id_] = SparseVector(terms, weights)
        return found

    def _forget(self, write: Any, id_: str, touched: Touched) -> None:
        found = write("SELECT number FROM entries WHERE id = ?", (id_,)).fetchone()
        if found is None:
            return
        touched += write("SELECT leg, number FROM dense WHERE number = ?", found).fetchall()
        for table in _TABLES:
            write(f"DELETE FROM {table} WHERE number = ?", found)
        write("DELETE FROM entries WHERE number = ?", found)

    def _write_fields(self, number: int, payload: Mapping[str, Any]) -> None:
        rows = ((*row, number) for row in rows_of(payload))
        self.connection.many("INSERT OR IGNORE INTO fields (field, kind, value, number) VALUES (?, ?, ?, ?)", rows)

    def _write_vector(self, write: Any, leg: str, number: int, vector: Vector, touched: Touched) -> None:
        if isinstance(vector, SparseVector):
            rows = ((leg, term, number, weight) for term, weight in zip(vector.indices, vector.values, strict=True))
            self.connection.many("INSERT INTO sparse (leg, term, number, weight) VALUES (?, ?, ?, ?)", rows)
            write("INSERT INTO termed (leg, number) VALUES (?, ?)", (leg, number))
            return
        kept = packed(vector, unit=self.legs[leg].metric == "cosine")
        write("INSERT INTO dense (leg, number, vector) VALUES (?, ?, ?)", (leg, number, kept))
        touched.append((leg, number))


def write_waiting(connection: Connection, touched: Touched) -> None:
    """Note, within a transaction, that the stores have to hear of these."""
    connection.many("INSERT OR IGNORE INTO waiting (leg, number) VALUES (?, ?)", touched)


def _parts(those: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield from (those[start : start + _IN_ONE] for start in range(0, len(those), _IN_ONE))


def _marks(those: Sequence[Any]) -> str:
    return ",".join("?" * len(those))
