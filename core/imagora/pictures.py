"""Pictures from outside: bytes or a file become a Picture, decoded by a process of its own within limits."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from queue import LifoQueue
from threading import Thread
from typing import IO, Any, cast

from .errors import PictureError, StageError
from .item import Picture
from .watchdog import Watchdog

PROGRAM = str(Path(__file__).parents[1] / "imagora_decoder" / "__main__.py")
PASSED_ON = (
    "PATH",
    "HOME",
    "PYTHON",
    "LD_",
    "DYLD_",
    "APPDATA",
    "SYSTEMROOT",
)  # a decoder needs no tokens or passwords
_PATIENCE = 10  # a busy machine gives a process a tenth of a core
_MOST_PATIENCE = 6  # times that, for one that would go on if it were let
_PART = 1_000_000
_PIPE = 1 << 20  # bytes, the most that Linux lets any user's pipe hold


@dataclass(frozen=True)
class PictureLimits:
    """What a picture may be and cost; max_side: of the result, in pixels.

    seconds: of processor time, and ten times as many by the clock, sixty times where the machine does not let it run.
    memory: address space in bytes, which what is in memory is always a part of. compress: whether the result's PNG is
    compressed; for a picture that is looked at in this process and then let go, that costs more than all the rest.
    """

    max_bytes: int = 64_000_000
    max_pixels: int = 100_000_000
    max_side: int = 1024
    seconds: float = 2.0
    memory: int = 300_000_000  # a PNG takes 4 bytes a pixel, an AVIF 9, a WebP 16; Python and Pillow 35 MB
    compress: bool = True


class PictureDecoder:
    """Decodes pictures in up to `workers` processes; each starts when first needed and is replaced when it dies."""

    def __init__(self, workers: int = 2, limits: PictureLimits | None = None) -> None:
        self.workers, self.limits, self._closed = workers, limits or PictureLimits(), False
        self._free: LifoQueue[_Worker] = LifoQueue()
        self._watchdog = Watchdog()
        for _ in range(workers):
            self._free.put(_Worker(self.limits, self._watchdog))

    def decode(self, source: Path | bytes | Callable[[], bytes]) -> Picture:
        """Give the picture, or raise PictureError with the reason; blocks, and may be called from many threads."""
        with picture_file(source, self.limits.max_bytes) as (file, size):
            worker = self._free.get()
            try:
                if self._closed:
                    raise StageError("the picture decoder is closed")
                return worker.decode(file, size)
            finally:
                if worker.is_spent:
                    Thread(target=self._renew, args=(worker,), daemon=True).start()
                else:
                    self._free.put(worker)

    def _renew(self, worker: _Worker) -> None:
        """Start a worker's next process before somebody waits for it; the others go on meanwhile."""
        with suppress(StageError, OSError):  # whoever comes next tries again, and is told
            worker.start()
        self._free.put(worker)

    def __enter__(self) -> PictureDecoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, after the pictures they are at; whoever asks for one from now on gets a StageError."""
        self._closed = True
        for worker in [self._free.get() for _ in range(self.workers)]:
            worker.stop()
            self._free.put(worker)
        self._watchdog.close()


def decode(source: Path | bytes, limits: PictureLimits | None = None) -> Picture:
    """Decode one picture in a process started for it; whoever has more than one keeps a PictureDecoder."""
    with PictureDecoder(1, limits) as decoder:
        return decoder.decode(source)


class _Worker:
    """One place in the pool, with a process in it once there is work."""

    def __init__(self, limits: PictureLimits, watchdog: Watchdog) -> None:
        self.limits, self._watchdog = limits, watchdog
        self._process: subprocess.Popen[bytes] | None = None
        self.is_spent = False
        """Whether its process left after its last picture, as all do in the end."""

    def decode(self, file: IO[bytes], size: int) -> Picture:
        process = self._process if self._process and self._process.poll() is None else self.start()
        facts: dict[str, Any] = {"leaving": True}
        job = self._watchdog.begin(process, _PATIENCE * self.limits.seconds, _MOST_PATIENCE)
        try:
            digest = self._send(process, file, size)
            facts, png = self._receive(process)
            if "reason" in facts:
                raise PictureError(str(facts["reason"]))
            return Picture(png, int(facts["width"]), int(facts["height"]), digest, str(facts["original"]))
        except (OSError, EOFError, ValueError, LookupError, TypeError):
            process.kill()
            end = -process.wait()
            how = f"the decoder died on it ({signal.Signals(end).name if end > 0 else f'exit code {-end}'})"
            slow = job.is_late or end == getattr(signal, "SIGPROF", None)
            raise PictureError(f"it took longer than {self.limits.seconds:g} s" if slow else how) from None
        finally:
            self._watchdog.end(job)  # so that it never strikes at the next picture
            if job.is_late or facts.get("leaving"):
                self.stop()
                self.is_spent = "width" in facts

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            with suppress(OSError):  # bytes that it never read
                self._process.__exit__(None, None, None)
        self._process = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start its process, in the place of one that there may be."""
        self.stop()
        self.is_spent = False
        # -P: nothing beside the program or in the working folder can pose as a module; own session: no Ctrl-C
        command = [sys.executable, "-P", PROGRAM, json.dumps(asdict(self.limits))]
        pipe, passed = subprocess.PIPE, {k: v for k, v in os.environ.items() if k.upper().startswith(PASSED_ON)}
        options: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": passed, "start_new_session": True}
        self._process = process = subprocess.Popen(command, stdin=pipe, stdout=pipe, **options)
        _widen(process.stdin)
        _widen(process.stdout)
        if cast("IO[bytes]", process.stdout).read(1) != b"+":
            self.stop()
            raise StageError("the process that decodes pictures does not start; does 'import PIL.Image' work?")
        return process

    def _send(self, process: subprocess.Popen[bytes], file: IO[bytes], size: int) -> str:
        """Send a picture, a part of it in memory at a time, and give its hash."""
        ours, digest = cast("IO[bytes]", process.stdin), hashlib.sha256()
        ours.write(size.to_bytes(8))
        for part in parts_of(file, size):
            digest.update(part)
            ours.write(part)
        ours.flush()
        return digest.hexdigest()

    def _receive(self, process: subprocess.Popen[bytes]) -> tuple[dict[str, Any], bytes]:
        theirs, frames = cast("IO[bytes]", process.stdout), []
        for most in (10_000, 5 * self.limits.max_side**2 + 10_000):  # it may be taken over: what it says is bounded
            size = int.from_bytes(theirs.read(8))
            frames.append(theirs.read(min(size, most)))
            if len(frames[-1]) < size:
                raise EOFError
        return dict(json.loads(frames[0])), frames[1]


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a whole picture: of 64 kB each, one process would wait for the other again and again."""
    if sys.platform == "linux" and pipe is not None:
        import fcntl

        with suppress(OSError):  # there is a limit to what a user's pipes may hold together
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)


@contextmanager
def picture_file(
    source: Path | bytes | Callable[[], bytes], most: int = PictureLimits.max_bytes
) -> Iterator[tuple[IO[bytes], int]]:
    """Give a picture's bytes as a file, and their number; raise PictureError where it is none or more than `most`."""
    if callable(source):
        source = source()
    with BytesIO(source) if isinstance(source, bytes) else _opened(source) as file:
        size = len(source) if isinstance(source, bytes) else os.fstat(file.fileno()).st_size
        if not size:
            raise PictureError("the file is empty", code="IMG-603")
        if size > most:
            raise PictureError(f"the file is larger than {most / 1e6:g} MB, which is the limit", code="IMG-604")
        yield file, size


def parts_of(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Give a picture's bytes in parts; raise PictureError where they cannot be read or are fewer than there were."""
    while size:
        try:
            part = file.read(min(size, _PART))
        except OSError as error:
            raise PictureError(f"it cannot be read: {error.strerror or error}", code="IMG-602") from None
        if not part:
            raise PictureError("it became shorter while it was read")
        size -= len(part)
        yield part


def _opened(path: Path) -> IO[bytes]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would let us wait for ever
            raise PictureError("it is not a regular file", code="IMG-602")
        return path.open("rb")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise PictureError(f"it cannot be read: {said}", code="IMG-602") from None
