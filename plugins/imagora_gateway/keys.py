"""API keys: a SQLite file with a keyed hash of each, so that who reads the file cannot call.

A key is `imk_ID_SECRET`. The secret has 256 random bits, so that a fast keyed hash (HMAC-SHA-256) is as good as a slow
one; the hash's own key lies beside the file, and a copy of the file alone cannot even be tried against.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from imagora.errors import QueryError, did_you_mean

from .access import Role

_SHAPE = re.compile(r"imk_(?P<id>[0-9a-f]{12})_(?P<secret>[\w-]{43})", re.ASCII)
_NAME = re.compile(r"[\w][\w.@-]{0,63}", re.ASCII)
_TABLE = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, tenant TEXT NOT NULL, groups TEXT NOT NULL,
    roles TEXT NOT NULL, recipes TEXT, rates TEXT NOT NULL, created REAL NOT NULL, expires REAL, revoked REAL,
    concurrent INTEGER
) STRICT
"""

_ALONE = "BEGIN IMMEDIATE"
"""From here on, nobody else writes: what is looked at before a change still holds when it is made."""


@dataclass(frozen=True)
class Key:
    """What is kept of a key; times in seconds of the epoch.

    recipes: None for all. rates, concurrent: () and None for what holds for all.
    """

    id: str
    name: str
    tenant: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ("viewer",)
    recipes: tuple[str, ...] | None = None
    rates: tuple[str, ...] = ()
    created: float = 0
    expires: float | None = None
    revoked: float | None = None
    concurrent: int | None = None

    def state(self, now: float | None = None) -> str:
        """Say whether it is valid, expired or revoked."""
        now = time.time() if now is None else now
        if self.revoked is not None and self.revoked <= now:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"


class KeyFile:
    """The keys of a gateway. Each call opens the file anew: what is revoked is so at once, for every process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_there(self) -> bool:
        """Say whether keys were ever made here; a file whose keys are all revoked still lets nobody in."""
        return self._path.exists()

    def create(self, key: Key) -> str:
        """Keep a key under an id of its own, and give it whole, which nobody can do again; QueryError for a wrong one.

        id and created of what is given do not matter.
        """
        if not _NAME.fullmatch(key.name):
            what = f"a key's name has letters, digits and . _ - @ only, 64 at most, and this is '{key.name[:80]}'"
            raise QueryError(what, code="IMG-125")
        with self._opened(create=True) as file:
            file.execute(_ALONE)
            if any(other.name == key.name and other.state() == "valid" for other in self._all(file)):
                what = f"there is a key '{key.name}' already; type: imagora keys rotate {key.name}"
                raise QueryError(what, code="IMG-125")
            return self._insert(file, key)

    def rotate(self, name: str, grace: float = 0) -> str:
        """Give a new key for the same caller; the old ones end after so many seconds."""
        with self._opened() as file:
            _complete(file)
            file.execute(_ALONE)
            key = self._named(file, name)[-1]
            now = time.time()
            if key.expires is not None and key.expires <= now:
                raise QueryError(f"the key '{name}' has expired; make a new one: imagora keys create", code="IMG-125")
            self._end(file, name, now + grace)
            return self._insert(file, key)

    def revoke(self, name: str) -> int:
        """End all keys of a name, now, and give their number; QueryError where there is none."""
        with self._opened() as file:
            file.execute(_ALONE)
            self._named(file, name)
            return self._end(file, name, time.time())

    def all(self) -> list[Key]:
        """Give every key, the oldest first."""
        with self._opened() as file:
            return self._all(file)

    def find(self, written: str) -> Key | None:
        """Give what is kept of a key that somebody showed, valid or not; None where it is none of ours."""
        match = _SHAPE.fullmatch(written)
        if match is None:
            return None
        with self._opened() as file:
            row = file.execute("SELECT * FROM keys WHERE id = ?", (match["id"],)).fetchone()
        # An id that is not there takes as long, and compares with what nothing has.
        kept = row["hash"] if row else b"\0" * 32
        fits = hmac.compare_digest(kept, self._hash(match["secret"]))
        return _key(row) if fits and row else None

    def _insert(self, file: sqlite3.Connection, key: Key) -> str:
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        lists = [json.dumps(part) for part in (key.groups, key.roles)]
        recipes = None if key.recipes is None else json.dumps(key.recipes)
        row = (id_, key.name, self._hash(secret), key.tenant, *lists, recipes, json.dumps(key.rates))
        whole = (*row, time.time(), key.expires, key.concurrent)
        file.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)", whole)
        return f"imk_{id_}_{secret}"

    def _end(self, file: sqlite3.Connection, name: str, when: float) -> int:
        ended = "UPDATE keys SET revoked = ? WHERE name = ? AND (revoked IS NULL OR revoked > ?)"
        return file.execute(ended, (when, name, when)).rowcount

    def _named(self, file: sqlite3.Connection, name: str) -> list[Key]:
        keys = self._all(file)
        named = [key for key in keys if key.name == name and key.state() != "revoked"]
        if not named:
            names = {key.name for key in keys if key.state() != "revoked"}
            raise QueryError(f"there is no key '{name[:80]}' that could end{did_you_mean(name, names)}", code="IMG-125")
        return named

    @staticmethod
    def _all(file: sqlite3.Connection) -> list[Key]:
        return [_key(row) for row in file.execute("SELECT * FROM keys ORDER BY created, id")]

    def _hash(self, secret: str) -> bytes:
        return hmac.new(self._pepper.read_bytes(), secret.encode(), hashlib.sha256).digest()

    @property
    def _pepper(self) -> Path:
        return self._path.with_name(f"{self._path.name}.pepper")

    @contextmanager
    def _opened(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        if create:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _private(self._pepper, secrets.token_bytes(32))
            _private(self._path, b"")
        elif not self._path.exists():
            raise QueryError(f"there are no keys at '{self._path}'; type: imagora keys create NAME", code="IMG-125")
        try:
            # Not "rwc": a file that somebody took away must not come back with other permissions.
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as file:
                file.row_factory = sqlite3.Row
                with file:
                    if create:
                        file.execute(_TABLE)
                        _complete(file)
                    yield file
        except sqlite3.Error as error:
            raise QueryError(f"the keys at '{self._path}' cannot be used: {error}", code="IMG-125") from error


def _complete(file: sqlite3.Connection) -> None:
    """Add what files of before this was kept do not have."""
    if "concurrent" not in {row["name"] for row in file.execute("PRAGMA table_info(keys)")}:
        file.execute("ALTER TABLE keys ADD COLUMN concurrent INTEGER")


def _private(path: Path, holds: bytes) -> None:
    if path.exists():
        return
    # Whole or not at all: another process may make the same at the same time.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:  # mkstemp's: 0600
        file.write(holds)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def _key(row: Any) -> Key:
    recipes = row["recipes"]
    return Key(
        id=row["id"],
        name=row["name"],
        tenant=row["tenant"],
        groups=tuple(json.loads(row["groups"])),
        roles=cast("tuple[Role, ...]", tuple(json.loads(row["roles"]))),
        recipes=None if recipes is None else tuple(json.loads(recipes)),
        rates=tuple(json.loads(row["rates"])),
        created=row["created"],
        expires=row["expires"],
        revoked=row["revoked"],
        concurrent=row["concurrent"] if "concurrent" in row.keys() else None,  # noqa: SIM118 - a row has values only
    )
