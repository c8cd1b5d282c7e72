"""Who signed in on the page: a cookie that says nothing, and the key or token that it stands for, encrypted with it.

The file alone opens nothing: what is in a row can be read with the cookie only, which is nowhere but in the browser.
Each request looks at the key or token again, so that what is revoked or expired is so for the page at once.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from starlette.requests import HTTPConnection

_TABLE = "CREATE TABLE IF NOT EXISTS sessions (id BLOB PRIMARY KEY, shown BLOB NOT NULL, ends REAL NOT NULL) STRICT"
_LENGTH = 43
"""Characters of a cookie: 256 random bits."""


class Sessions:
    """Those who are signed in, in a SQLite file, which all processes of a gateway share; seconds: how long it lasts."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self.seconds = path, seconds

    def begin(self, shown: str) -> str:
        """Keep what somebody showed, and give the cookie that stands for it."""
        cookie = secrets.token_urlsafe(32)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._opened() as file:
            file.execute(_TABLE)
            file.execute("DELETE FROM sessions WHERE ends <= ?", (time.time(),))
            kept = (_id(cookie), _lock(cookie).encrypt(shown.encode()), time.time() + self.seconds)
            file.execute("INSERT INTO sessions VALUES (?, ?, ?)", kept)
        return cookie

    def find(self, cookie: str) -> str:
        """Give what a cookie stands for, "" where it stands for nothing, or not any more."""
        if len(cookie) != _LENGTH or not self._path.exists():
            return ""
        with self._opened() as file:
            found = file.execute("SELECT shown FROM sessions WHERE id = ? AND ends > ?", (_id(cookie), time.time()))
            row = found.fetchone()
        return _lock(cookie).decrypt(row[0]).decode() if row else ""

    def end(self, cookie: str) -> None:
        """Forget it; the cookie is good for nothing from now on."""
        if self._path.exists():
            with self._opened() as file:
                file.execute("DELETE FROM sessions WHERE id = ?", (_id(cookie),))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=5)) as file:
            yield file


def _id(cookie: str) -> bytes:
    return hashlib.sha256(b"id:" + cookie.encode()).digest()


def _lock(cookie: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"lock:" + cookie.encode()).digest()))


def name_of(connection: HTTPConnection) -> str:
    """Give the cookie's name; with https, one that browsers take from this very host alone, and over https."""
    return "__Host-imagora" if connection.url.scheme in {"https", "wss"} else "imagora"


def counts(connection: HTTPConnection) -> bool:
    """Say whether a cookie opens this route: those of the page and thumbnails do.

    A browser sends cookies whoever asks it to. The page's forms have a token against that; the other doors have not,
    and take keys in a header alone.
    """
    path, method = str(connection.scope.get("path", "")), connection.scope.get("method")
    return path == "/" or path.startswith("/page/") or (method == "GET" and is_thumbnail(path))


def is_thumbnail(path: str) -> bool:
    """Say whether a path is a thumbnail's."""
    return path.startswith("/v1/thumbnails/")
