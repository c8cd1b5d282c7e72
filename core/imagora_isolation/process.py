"""This side of a component in another process: start it, call it, hear that it crashed, start it again."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from imagora import errors
from imagora.errors import ImagoraError, StageCrashed, StageError

from imagora_isolation.planning import Isolation

from .environment import environment_of_another
from .wire import packed, read_frame

CRASHES, WITHIN, REST = 3, 60.0, 30.0
"""A process that crashes so often within so many seconds is not started again for a while, in seconds."""
_END = object()


class Process:
    """The process of one component; it starts with the first call, and again with the first after a crash."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._starting = threading.Lock()
        self._connection: Connection | None = None
        self._crashes: deque[float] = deque(maxlen=CRASHES)

    def ready(self) -> Mapping[str, Any]:
        """Start it where it does not run, and say what its component can do."""
        return self._running().about

    def call(self, method: str, *arguments: Any, scope: str | None = None) -> Any:
        """Call a method there and wait; raise what it raises, or StageCrashed."""
        return self._running().begin(method, arguments, scope)[1].result()

    async def acall(self, method: str, *arguments: Any, scope: str | None = None) -> Any:
        """Call a method there; who stops waiting cancels it there, too."""
        connection = self._connection
        if connection is None or connection.ended:
            connection = await asyncio.to_thread(self._running)
        number, future = connection.begin(method, arguments, scope)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            connection.cancel(number)
            raise

    async def stream(self, method: str, *arguments: Any) -> AsyncIterator[Any]:
        """Call a method that gives parts; leaving it cancels it there, too."""
        connection = await asyncio.to_thread(self._running)
        loop, parts = asyncio.get_running_loop(), asyncio.Queue[Any]()
        number, future = connection.begin(
            method, arguments, None, lambda part: loop.call_soon_threadsafe(parts.put_nowait, part)
        )
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(parts.put_nowait, _END))
        try:
            while (part := await parts.get()) is not _END:
                yield part
            future.result()
        finally:
            if not future.done():
                connection.cancel(number)

    def close(self) -> None:
        """End the process; the next call starts another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _running(self) -> Connection:
        with self._starting:
            if self._connection is not None and not self._connection.ended:
                return self._connection
            if self._connection is not None:
                self._crashes.append(time.monotonic())
                self._connection = None
            self._refuse_crash_loops()
            self._connection = Connection(self._isolation)
            weakref.finalize(self, self._connection.close)
            return self._connection

    def _refuse_crash_loops(self) -> None:
        now, many = time.monotonic(), len(self._crashes) == CRASHES
        if many and self._crashes[-1] - self._crashes[0] < WITHIN and now - self._crashes[-1] < REST:
            what = f"the process of '{self._isolation.name}' crashed {CRASHES} times in a row; it is started again"
            raise StageCrashed(f"{what} in {REST - (now - self._crashes[-1]):.0f} s")


class Connection:
    """One run of the process: calls by their number, answered in any order, all of them failed when it ends."""

    def __init__(self, isolation: Isolation) -> None:
        self._name = isolation.name
        self._writing, self._numbers = threading.Lock(), itertools.count(1)
        self._waiting: dict[int, tuple[Future[Any], Callable[[Any], object] | None]] = {}
        self.ended = False
        self._said: deque[str] = deque(maxlen=20)
        ours, theirs = socket.socketpair()
        self._sock = ours
        python = str(isolation.python or sys.executable)
        command = [python, "-P", "-m", "imagora_isolation", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=None if isolation.python is None else environment_of_another(),
            )
        except OSError as error:
            ours.close()
            raise StageError(
                f"'{python}' cannot be started: {(error.strerror or '').lower()}", code="IMG-821"
            ) from error
        finally:
            theirs.close()
        threading.Thread(target=self._listen, name=f"isolated {self._name}", daemon=True).start()
        self._overhearing = threading.Thread(target=self._overhear, daemon=True)
        self._overhearing.start()
        self.about: Mapping[str, Any] = self._first(isolation)

    def _first(self, isolation: Isolation) -> Mapping[str, Any]:
        folders = {name: str(folder) for name, folder in isolation.folders.items()}
        said = {"kind": isolation.kind, "name": isolation.name, "options": dict(isolation.options), "folders": folders}
        if isolation.batching is not None:
            said["batching"] = isolation.batching.model_dump(exclude_unset=True)
        try:
            about: Mapping[str, Any] = self._send({**said, "recipe": isolation.recipe}, None)[1].result()
        except StageCrashed as error:
            what = f"the process of '{self._name}' cannot be started: {error}; is Imagora installed there?"
            raise StageError(what, code="IMG-821") from error
        except ImagoraError:
            self.close()
            raise
        return about

    def begin(
        self, method: str, arguments: Any, scope: str | None, on_part: Callable[[Any], object] | None = None
    ) -> tuple[int, Future[Any]]:
        """Send a call; give its number and what will hold what it gives."""
        return self._send({"method": method, "arguments": list(arguments), "scope": scope}, on_part)

    def cancel(self, number: int) -> None:
        """Let a call end there; nobody waits for it any more."""
        self._waiting.pop(number, None)
        with suppress(OSError):
            self._write({"cancel": number})

    def close(self) -> None:
        """End the process and wait for its end."""
        self.ended = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: dict[str, Any], on_part: Callable[[Any], object] | None) -> tuple[int, Future[Any]]:
        number, future = next(self._numbers), Future[Any]()
        self._waiting[number] = (future, on_part)
        try:
            self._write({"id": number, **message})
        except OSError:
            self._fail_all()
        if self.ended:  # it may have ended before the call was among those that wait
            self._fail_all()
        return number, future

    def _write(self, message: Mapping[str, Any]) -> None:
        frame = packed(message)
        with self._writing:
            self._sock.sendall(frame)

    def _listen(self) -> None:
        file = self._sock.makefile("rb")
        with suppress(OSError, ValueError):
            while (answer := read_frame(file.read)) is not None:
                self._hear(answer)
        self.ended = True
        self._fail_all()
        file.close()
        self._sock.close()

    def _hear(self, answer: dict[str, Any]) -> None:
        future, on_part = self._waiting.get(answer["id"], (None, None))
        if future is None:
            return
        if "part" in answer:
            if on_part is not None:
                on_part(answer["part"])
            return
        del self._waiting[answer["id"]]
        if "error" in answer:
            future.set_exception(_raised(answer))
        else:
            future.set_result(answer.get("given"))

    def _fail_all(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._overhearing.join(1)  # its last line may say why
        while self._waiting:
            with suppress(KeyError):
                _, (future, _) = self._waiting.popitem()
                future.set_exception(StageCrashed(f"the process of '{self._name}' {self._how_it_ended()}"))

    def _how_it_ended(self) -> str:
        code = self._process.returncode
        last = f": {self._said[-1]}" if self._said else ""
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}{last}"
        return f"ended with {code}{last}"

    def _overhear(self) -> None:
        # What it writes is read, or it would wait; the last line may say why it crashed.
        assert self._process.stderr is not None  # noqa: S101 - asked for above
        for line in self._process.stderr:
            if line.strip():
                self._said.append(line.decode(errors="replace").strip()[:300])
        self._process.stderr.close()


def _raised(answer: Mapping[str, Any]) -> ImagoraError:
    kind = getattr(errors, str(answer["kind"]), StageError)
    if not (isinstance(kind, type) and issubclass(kind, ImagoraError)) or kind is errors.RecipeError:
        kind = StageError
    return kind(answer["error"], code=answer["code"])
