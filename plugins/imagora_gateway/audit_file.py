"""The file of an audit: lines are on the disk when writing returns, in one chain, whoever writes."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .audit_chain import BEGINNING, head, head_of, line_of, sealed
from .logs import log

_TAIL = 1_000_000
"""Bytes at the end of a file among which its last line is."""


class AuditFile:
    """Appends to a chain; several processes may, each in its turn. What waits meanwhile is written with one fsync."""

    def __init__(self, path: Path, key: bytes | None, most_bytes: int) -> None:
        self._path, self._key, self._most = path, key, most_bytes
        self._waiting: list[tuple[Mapping[str, Any], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # Of its own: answers that are ready must not wait for those that others still work on.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imagora-audit")

    async def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry; it is on the disk when this returns, and is written even where the caller is gone by then."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                entries = [entry for entry, _ in taken]
                await asyncio.get_running_loop().run_in_executor(self._thread, self.append, entries)
            except Exception as failed:  # whoever waits is told
                error = failed
            for _, done in taken:
                if done.done():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write entries; all of them are on the disk when this returns, or none is in the file."""
        with self._alone() as beside:
            number, before = self._end(beside)
            self._make_room()
            lines = []
            for entry in entries:
                number += 1
                line, before = sealed(entry, number, before, self._key)
                lines.append(line)
            self._put(b"".join(lines))
            os.pwrite(beside, head(number, before, self._key), 0)
            os.fsync(beside)

    @contextmanager
    def _alone(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = os.open(self._path.with_name(f"{self._path.name}.head"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(beside, fcntl.LOCK_EX)
            yield beside
        finally:
            os.close(beside)

    def _end(self, beside: int) -> tuple[int, str]:
        """Give the number and the hash that the next line follows, by the file or the head, whichever is further."""
        known = head_of(os.pread(beside, 1_000, 0), self._key) or (0, BEGINNING)
        if not self._path.exists():
            return known
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
            if tail and not tail.endswith(b"\n"):  # a line that a crash cut off; nobody was given its answer
                tail = tail[: tail.rfind(b"\n") + 1]
                file.truncate(max(0, size - _TAIL) + len(tail))
                log().warning("a line of the audit that was not written to its end is taken away")
        last = line_of(tail[:-1].rpartition(b"\n")[2], "", self._key) if tail else None
        return (last.number, last.hash) if last is not None and last.number > known[0] else known

    def _make_room(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < self._most:
            return
        with self._path.open("rb") as file:
            first = line_of(file.readline().removesuffix(b"\n"), "", self._key)
        number = first.number if first is not None else 0
        full = self._path.with_name(f"{self._path.stem}-{number:012d}{self._path.suffix}")
        if not full.exists():
            self._path.rename(full)

    def _put(self, lines: bytes) -> None:
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(self._path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
