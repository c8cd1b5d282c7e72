"""Values on their way to Redis: written one after the other by a thread, so that no query waits for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_MOST = 1_000
_MOST_BYTES = 64_000_000
_AT_THE_END = 1.0


class Outbox:
    """Takes values and writes them soon; drops them where too many are waiting. retry: called when woken."""

    def __init__(self, write: Callable[[str, bytes, float], None], retry: Callable[[], None]) -> None:
        self._write, self._retry = write, retry
        self._waiting: deque[tuple[str, bytes, float]] = deque()
        self._bytes = 0
        self._woken, self._closed, self._busy = False, False, False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, key: str, value: bytes, seconds: float) -> bool:
        """Take a value; say False where there is no room for it."""
        with self._changed:
            if self._closed or len(self._waiting) >= _MOST or self._bytes + len(value) > _MOST_BYTES:
                return False
            self._waiting.append((key, value, seconds))
            self._bytes += len(value)
            self._begin()
            return True

    def wake(self) -> None:
        """Let the thread try again what failed."""
        with self._changed:
            self._woken = True
            self._begin()

    def flush(self, seconds: float = _AT_THE_END) -> bool:
        """Wait until all is written, for so long at most; say whether it is."""
        end = time.monotonic() + seconds
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), end - time.monotonic())

    def close(self) -> None:
        """Write what is waiting, within a moment, and end the thread; it can be used again."""
        self.flush()
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_AT_THE_END)
        with self._changed:
            self._closed = False

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="imagora-redis", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._woken or self._thread is not me)
                if self._thread is not me:
                    return
                woken, self._woken = self._woken, False
                entry = self._waiting.popleft() if self._waiting else None
                self._bytes -= len(entry[1]) if entry else 0
                self._busy = True
            if woken:
                self._retry()
            if entry is not None:
                self._write(*entry)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
