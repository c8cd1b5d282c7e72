"""The store in Redis: nobody waits for it for long, and whatever it does, it only ever costs a kept value."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imagora_caching.store import LEFT_ALONE, StoreFailed

from .breaker import Breaker
from .options import RedisOptions
from .outbox import Outbox

if TYPE_CHECKING:
    from redis import Redis

_CONNECTIONS = 64
_BARREN = 8
"""Look-ups in a row that found nothing, after which a Redis that has no room is not asked either."""


class RedisStore:
    """An `imagora_caching.store.Store`; connects with the first value.

    Values are written by a thread of its own, and a Redis that was left alone is tried by it again, so that no query
    waits for either.
    """

    def __init__(self, options: RedisOptions) -> None:
        self._options = options
        self._breaker = Breaker(options.slow, options.retry_after)
        self._largest = int(options.megabytes * 1_000_000)
        self._counts: Counter[str] = Counter()
        self._full_until, self._misses = 0.0, 0
        self._lock = threading.Lock()
        self._outbox = Outbox(self._write, self._try)

    @property
    def remote(self) -> bool:
        """Whether it may have to be waited for: not while it is left alone."""
        return not self._left_alone

    def is_away(self) -> bool:
        """Whether it is left alone; where it may be back, the thread that writes tries it."""
        if self._breaker.is_open and self._breaker.is_due:
            self._outbox.wake()
        return self._left_alone

    @property
    def takes(self) -> bool:
        """Whether it is written to: not while it is left alone, nor for a while after it had no room."""
        return not (self._breaker.is_open or self._is_full)

    @property
    def _is_full(self) -> bool:
        return time.monotonic() < self._full_until

    @property
    def _left_alone(self) -> bool:
        # What it had before it was full may still be asked for; where that is nothing, it has nothing new either.
        return self._breaker.is_open or (self._misses >= _BARREN and self._is_full)

    def get(self, key: str) -> bytes | None:
        """Give what is kept; StoreFailed where Redis failed, is left alone, or has something too large."""
        if self.is_away():
            raise StoreFailed(LEFT_ALONE)
        started = time.perf_counter()
        try:
            found: Any = self._client.getrange(self._named(key), 0, self._largest)
        except Exception as error:  # the client's own errors, and what garbage on the line makes of its parser
            if (reason := _reason(error)) != "garbage":  # which is a value's, and no fault of the server
                self._breaker.failed()
            raise StoreFailed(reason) from error
        self._breaker.went(time.perf_counter() - started)
        self._misses = 0 if found else self._misses + 1
        if len(found) > self._largest:
            raise StoreFailed("too large")
        return bytes(found) or None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Let the value be written soon; StoreFailed where it is too large, or too many are waiting."""
        if len(value) > self._largest:
            raise StoreFailed("too large")
        if not self.takes:
            return
        if not self._outbox.add(self._named(key), value, seconds):
            raise StoreFailed("too many are waiting")

    def failures(self) -> dict[str, int]:
        """Count what could not be written, by reasons."""
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        """Write what is waiting, within a moment, and let go of the connections."""
        self._outbox.close()
        if (client := self.__dict__.pop("_client", None)) is not None:
            client.close()

    @cached_property
    def _client(self) -> Redis:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # No second tries: what is not there in time is worked out.
        return Redis.from_url(
            self._options.address(),
            socket_timeout=self._options.timeout,
            socket_connect_timeout=4 * self._options.timeout,
            retry=Retry(NoBackoff(), 0),
            max_connections=_CONNECTIONS,
            client_name="imagora",
        )

    def _named(self, key: str) -> str:
        return f"{self._options.prefix}{key}"

    def _write(self, key: str, value: bytes, seconds: float) -> None:
        try:
            self._client.set(key, value, px=max(1, int(1000 * seconds)))
        except Exception as error:  # as above; nobody waits for this
            if (reason := _reason(error)) == "full":
                self._full_until = time.monotonic() + self._options.retry_after
            with self._lock:
                self._counts[f"write: {reason}"] += 1

    def _try(self) -> None:
        started = time.perf_counter()
        try:
            self._client.ping()
            started = time.perf_counter()
            self._client.ping()  # the first one may have made a connection
        except Exception:  # as above
            self._breaker.tried(None)
        else:
            self._breaker.tried(time.perf_counter() - started)


def _reason(error: Exception) -> str:
    from redis import exceptions

    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return "timeout"
    if isinstance(error, exceptions.OutOfMemoryError):
        return "full"
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return "access"
    if isinstance(error, exceptions.ConnectionError | OSError):
        return "down"
    said = str(error)
    if "OOM" in said or "MISCONF" in said:
        return "full"
    return "garbage" if "WRONGTYPE" in said else type(error).__name__
