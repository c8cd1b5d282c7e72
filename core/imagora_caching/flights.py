"""One works a value out, the others who want the same wait for it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T")
Left: TypeAlias = Literal["left"]


class Flight(Generic[T]):
    """A value on its way; `landed` with None where there is none for others, `left` where its maker was cancelled."""

    def __init__(self, flights: Flights[T], key: str) -> None:
        self._flights, self._key = flights, key
        self._future: Future[T | None | Left] = Future()
        self.is_awaited = False
        """Whether anybody has asked for it since it began."""

    def landed(self, value: T | None) -> None:
        """Give the value to all who wait; None: each works it out on its own."""
        self._end(value)

    def left(self) -> None:
        """Let one of those who wait take over."""
        self._end("left")

    async def wait(self, end: float | None) -> T | None | Left:
        """Wait for it, at most until `end` of the loop's clock; then give None."""
        try:
            async with asyncio.timeout_at(end):
                # Shielded: whoever leaves does not end it for the others.
                return await asyncio.shield(asyncio.wrap_future(self._future))
        except TimeoutError:
            return None

    def _end(self, value: T | None | Left) -> None:
        self._flights.drop(self._key, self)
        if not self._future.done():
            self._future.set_result(value)


class Flights(Generic[T]):
    """Values on their way, by key; from any thread and any event loop."""

    def __init__(self) -> None:
        self._under_way: dict[str, Flight[T]] = {}
        self._lock = threading.Lock()

    def join(self, key: str) -> tuple[Flight[T], bool]:
        """Give the flight of a key, and whether the caller is the one to work it out."""
        with self._lock:
            if (there := self._under_way.get(key)) is not None:
                there.is_awaited = True
                return there, False
            flight = self._under_way[key] = Flight(self, key)
            return flight, True

    def drop(self, key: str, flight: Flight[T]) -> None:
        """Forget a flight that has ended."""
        with self._lock:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
