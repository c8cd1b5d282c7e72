"""A belt between two threads: one puts things on it, the other takes them, and it holds only so many."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
_PATIENCE = 5.0


class Belt(Generic[T]):
    """Works through `things` in a thread of its own, at most `room()` of them ahead of who takes them.

    An error in `things` reaches who takes, after all that came before it.
    """

    def __init__(self, things: Iterable[T], room: Callable[[], int], name: str) -> None:
        self._things, self._room = things, room
        self._held: deque[T] = deque()
        self._moved = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"imagora-{name}", daemon=True)
        self._thread.start()

    def take(self, most: int, *, gather: float = 0.0, patience: float | None = None) -> list[T] | None:
        """Give what there is, at most `most`: waits for the first, then up to `gather` seconds for the others.

        None at the end; nothing where the first did not come within `patience` seconds.
        """
        with self._moved:
            self._moved.wait_for(lambda: self._held or self._ended, patience)
            until = time.monotonic() + gather
            while len(self._held) < most and not self._ended and (left := until - time.monotonic()) > 0:
                if len(self._held) >= self._room():
                    break  # nothing more can come before something is taken
                self._moved.wait(left)
            taken = [self._held.popleft() for _ in range(min(most, len(self._held)))]
            self._moved.notify_all()
            if taken or not self._ended:
                return taken
            if self._error is not None:
                raise self._error
            return None

    def close(self) -> None:
        """End the work: at once where it is ours, after a while without it where a source does not come back."""
        with self._moved:
            self._stopped = True
            self._moved.notify_all()
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        try:
            for thing in self._things:
                with self._moved:
                    self._moved.wait_for(lambda: self._stopped or len(self._held) < self._room())
                    if self._stopped:
                        break
                    self._held.append(thing)
                    self._moved.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            if isinstance(self._things, Generator):
                self._things.close()
            with self._moved:
                self._ended = True
                self._moved.notify_all()
