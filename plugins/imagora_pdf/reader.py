"""The way to the program that reads PDFs: a process a document, ended when it takes too long, replaced when it dies."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import weakref
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any, cast

from imagora.errors import PictureError, StageError

from .options import PdfOptions

PROGRAM = str(Path(__file__).with_name("program.py"))
PASSED_ON = ("PATH", "HOME", "PYTHON", "LD_", "DYLD_", "APPDATA", "SYSTEMROOT")  # it needs no tokens or passwords
OPEN = 2
"""Documents whose processes are kept: the one whose pages are listed, and the one whose pages are drawn."""
MOST_FACTS, MOST_PNG = 8_000_000, 64_000_000


class Died(PictureError):
    """The process ended while it was at a page; the next page gets another one."""


@dataclass(frozen=True)
class Document:
    """A file as it was when it was listed."""

    path: Path
    sha256: str


def read_file(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes; raise PictureError with the reason where that cannot be."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PictureError("it is not a regular file")
            data = file.read(most + 1)
    except OSError as error:
        raise PictureError(f"it cannot be read: {error.strerror}") from None
    if not data:
        raise PictureError("the file is empty")
    if len(data) > most:
        raise PictureError(f"the file is larger than {most / 1e6:g} MB, which is the limit 'max_bytes'")
    return data


class Reader:
    """Reads documents in processes of their own; may be called from many threads."""

    def __init__(self, options: PdfOptions) -> None:
        self.options = options
        self._lock = Lock()
        self._open: OrderedDict[Document, _Process] = OrderedDict()
        weakref.finalize(self, _stop_all, self._open)

    def list(self, path: Path) -> tuple[Document, dict[str, Any]]:
        """Open a file; give it with its number of "pages" and its "title"."""
        data = read_file(path, self.options.max_bytes)
        document = Document(path, hashlib.sha256(data).hexdigest())
        process = self._process(document)
        with process.lock:
            return document, process.begin(data)

    def ask(self, document: Document, request: dict[str, int]) -> tuple[dict[str, Any], bytes]:
        """Ask for a page's words or picture; raise PictureError with the reason where there is none."""
        process = self._process(document)
        with process.lock:
            if not process.alive:
                data = read_file(document.path, self.options.max_bytes)
                if hashlib.sha256(data).hexdigest() != document.sha256:
                    raise PictureError("the file was changed while it was read; ingest it again")
                process.begin(data)
            return process.ask(json.dumps(request).encode())

    def _process(self, document: Document) -> _Process:
        with self._lock:
            found = self._open.pop(document, None) or _Process(self.options)
            self._open[document] = found
            old = self._open.popitem(last=False)[1] if len(self._open) > OPEN else None
        if old is not None:
            with old.lock:  # whoever is at it finishes first
                old.stop()
        return found


def _stop_all(processes: OrderedDict[Document, _Process]) -> None:
    for process in processes.values():
        process.stop()


class _Process:
    """A process with one document in it; used under its lock."""

    def __init__(self, options: PdfOptions) -> None:
        self.limits = {"seconds": options.seconds, "memory": options.memory}
        self.lock, self._late = Lock(), False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self, data: bytes) -> dict[str, Any]:
        """Start anew with a document."""
        self._start()
        return self.ask(data)[0]

    def ask(self, frame: bytes) -> tuple[dict[str, Any], bytes]:
        process = cast("subprocess.Popen[bytes]", self._process)
        clock, facts = Timer(self.limits["seconds"], self._give_up, [process]), {"leaving": True}
        clock.start()
        try:
            facts, png = self._exchange(process, frame)
            if "reason" in facts:
                raise PictureError(str(facts["reason"])[:300])
            return facts, png
        except (OSError, EOFError, ValueError, LookupError, TypeError):
            process.kill()
            end = -process.wait()
            how = f"the reader died on it ({signal.Signals(end).name if end > 0 else f'exit code {-end}'})"
            slow = self._late or end == getattr(signal, "SIGXCPU", None)
            raise Died(f"it took longer than {self.limits['seconds']:g} s" if slow else how) from None
        finally:
            clock.cancel()
            clock.join()  # so that it never strikes at the next page
            if self._late or facts.get("leaving"):
                self.stop()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            with suppress(OSError):  # bytes that it never read
                self._process.__exit__(None, None, None)
        self._process, self._late = None, False

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self._late = True
        process.kill()

    def _start(self) -> None:
        self.stop()
        # -P: nothing beside the program or in the working folder can pose as a module; own session: no Ctrl-C
        command = [sys.executable, "-P", PROGRAM, json.dumps(self.limits)]
        pipe, passed = subprocess.PIPE, {k: v for k, v in os.environ.items() if k.upper().startswith(PASSED_ON)}
        options: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": passed, "start_new_session": True}
        self._process = process = subprocess.Popen(command, stdin=pipe, stdout=pipe, **options)
        if cast("IO[bytes]", process.stdout).read(1) != b"+":
            self.stop()
            raise StageError("the process that reads PDFs does not start; does 'import pypdfium2' work?")

    def _exchange(self, process: subprocess.Popen[bytes], frame: bytes) -> tuple[dict[str, Any], bytes]:
        ours, theirs = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        ours.write(len(frame).to_bytes(8) + frame)
        ours.flush()
        frames = []
        for most in (MOST_FACTS, MOST_PNG):  # it may be taken over: what it says is bounded
            size = int.from_bytes(theirs.read(8))
            frames.append(theirs.read(min(size, most)))
            if len(frames[-1]) < size:
                raise EOFError
        return dict(json.loads(frames[0])), frames[1]
