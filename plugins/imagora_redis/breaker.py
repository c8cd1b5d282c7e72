"""When Redis is left alone: after failures or slow answers in a row, or where half of its answers are slow."""

from __future__ import annotations

import threading
import time
from collections import deque
from statistics import median

_IN_A_ROW = 3
_LAST = 8
_LONGEST = 60.0


class Breaker:
    """Says whether to ask. slow: seconds that half of the last answers may take. retry_after: the first pause."""

    def __init__(self, slow: float, retry_after: float) -> None:
        self._slow, self._retry_after = slow, retry_after
        self._lock = threading.Lock()
        self._seconds: deque[float] = deque(maxlen=_LAST)
        self._failed, self._pause, self._until = 0, retry_after, 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is left alone."""
        return self._until > 0

    @property
    def is_due(self) -> bool:
        """Whether the pause is over, so that somebody may try; true for one caller, then a pause later again."""
        with self._lock:
            if not self._until or time.monotonic() < self._until:
                return False
            self._until = time.monotonic() + self._pause
            return True

    def went(self, seconds: float) -> None:
        """Hear how long an answer took."""
        with self._lock:
            self._failed = 0
            self._seconds.append(seconds)
            last = list(self._seconds)[-_IN_A_ROW:]
            in_a_row = len(last) == _IN_A_ROW and min(last) > self._slow
            if in_a_row or (len(self._seconds) == _LAST and median(self._seconds) > self._slow):
                self._leave_alone()

    def failed(self) -> None:
        """Hear that there was none."""
        with self._lock:
            self._failed += 1
            if self._failed >= _IN_A_ROW:
                self._leave_alone()

    def tried(self, seconds: float | None) -> None:
        """Hear of a try after a pause: how long it took, None where it failed; then the next pause is longer."""
        with self._lock:
            if seconds is not None and seconds <= self._slow:
                self._until, self._pause, self._failed = 0.0, self._retry_after, 0
                self._seconds.clear()
            else:
                self._leave_alone()

    def _leave_alone(self) -> None:
        self._seconds.clear()
        self._until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, max(_LONGEST, self._retry_after))
