"""The ledger `postgres`: what an index holds, in tables of PostgreSQL; see `imagora.ledger.Ledger`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from imagora.ledger import STATES, Row, State

from . import ledger_tables as statements
from .ledger_session import Session
from .options import LedgerOptions

PAGE = 5_000
"""Ids that are fetched together; pages need no transaction that stays open, and outlive a lost connection."""


class PostgresLedger:
    """One ledger of those in the tables; one writes it at a time, and any number may read it."""

    def __init__(self, options: LedgerOptions, name: str) -> None:
        self._session = Session(options, name)
        self._generation = 1

    @property
    def place(self) -> str:
        """Which server, database, tables and ledger it is."""
        return self._session.place

    def open(self, generation: int, *, create: bool = True) -> bool:
        """Open for a generation; `create` makes what is missing and keeps other writers out until it is closed."""
        self._generation = generation
        return self._session.open(create=create)

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Give the rows of these ids by id."""
        found = self._read(statements.ROWS, ids=list(ids)) if ids else []
        return {id_: Row(id_, _whole(source), _whole(uri), *rest) for id_, source, uri, *rest in found}

    def mark(self, rows: Sequence[Row], state: State) -> None:
        """Write how far items are; what the index may get next must be known before it does, so that is durable."""
        statement = statements.MARK if state == "embedded" else statements.MARK_SOON
        if last := list({row.id: row for row in rows}.values()):
            self._write(statement, state=state, **_columns(last))

    def commit(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those of equal id; what was in quarantine under their names leaves it."""
        if last := list({row.id: row for row in rows}.values()):
            self._write(
                statements.COMMIT,
                contents=[row.content for row in last],
                metadatas=[row.metadata for row in last],
                recipes=[row.recipe for row in last],
                hashes=[_hash(row.source, row.uri) for row in rows],
                **_columns(last),
            )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows by id."""
        if ids:
            self._write(statements.DELETE, ids=list(ids))

    def ids(self, source: str | None = None, *, committed: bool = False) -> Iterator[str]:
        """Give the ids of one source or of all, a page at a time."""
        statement = statements.IDS + (statements.OF_SOURCE if source is not None else "")
        statement += (statements.COMMITTED if committed else "") + statements.PAGE
        asked, last = _storable(source or ""), ""
        while page := self._read(statement, source=asked, last=last, page=PAGE):
            yield from (row[0] for row in page)
            last = page[-1][0]

    def count(self) -> int:
        """Say how many items of all sources the index has for good."""
        return int(self._read(statements.COUNT)[0][0])

    def states(self) -> Mapping[State, int]:
        """Say how many items are how far."""
        found = dict(self._read(statements.STATES))
        return {state: found[state] for state in STATES if state in found}

    def quarantine(self, source: str, run: str, refused: Iterable[tuple[str, str]]) -> None:
        """Put names and reasons into the source's quarantine."""
        if why := dict(refused):
            self._write(
                statements.QUARANTINE,
                source=_storable(source),
                run=_storable(run),
                hashes=[_hash(source, uri) for uri in why],
                uris=[_storable(uri) for uri in why],
                reasons=[_storable(reason) for reason in why.values()],
            )

    def quarantined(self) -> list[tuple[str, str, str]]:
        """Give what is in quarantine: source, name and reason."""
        return [(_whole(source), _whole(uri), _whole(why)) for source, uri, why in self._read(statements.QUARANTINED)]

    def begun(self, source: str) -> bool:
        """Say whether an ingest of the source began."""
        return bool(self._read(statements.BEGUN, hash=_hash(source))[0][0])

    def begin(self, source: str) -> bool:
        """Write that an ingest of the source begins, and say whether one had begun before."""
        return bool(self._write(statements.BEGIN, source=_storable(source), hash=_hash(source))[0][0])

    def finish(self, source: str, run: str, *, release: bool) -> None:
        """Write that an ingest reached the source's end."""
        names = {"source": _storable(source), "hash": _hash(source), "run": _storable(run)}
        self._write(statements.FINISH, release=release, **names)

    def finished(self) -> bool:
        """Say whether an ingest of some source reached its end."""
        return bool(self._read(statements.FINISHED)[0][0])

    def finished_at(self) -> Mapping[str, float]:
        """Give by source when an ingest last reached its end."""
        return {_whole(source): when for source, when in self._read(statements.FINISHED_AT)}

    def forget(self) -> None:
        """Remove all that is known of this generation."""
        self._write(statements.FORGET)

    def _read(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._session.run(statement, writes=False, generation=self._generation, **values)

    def _write(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._session.run(statement, generation=self._generation, **values)


def _columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    return {
        "ids": [row.id for row in rows],
        "sources": [_storable(row.source) for row in rows],
        "uris": [_storable(row.uri) for row in rows],
    }


def _hash(*names: str) -> str:
    return sha256("\0".join(f"{len(name)} {name}" for name in names).encode()).hexdigest()


def _storable(text: str) -> str:
    """Write a NUL, which PostgreSQL cannot store, with an ESC, and an ESC with two signs as well."""
    return text.replace("\x1b", "\x1b1").replace("\0", "\x1b0")


def _whole(text: str) -> str:
    return text.replace("\x1b0", "\0").replace("\x1b1", "\x1b")
