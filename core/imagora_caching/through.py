"""A value by way of the caches: looked up, waited for, or worked out and kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imagora.record import Record

from .cache import Around, Cache, age, around
from .flights import Flight
from .keys import Parts, Untold, key_of
from .levels import Level
from .maker import Maker
from .store import LEFT_ALONE, Kept
from .values import Form

T = TypeVar("T")
IN_PART = ("crashed", "not_read")
"""Facts of stages that did less than they should have: what comes of that is not kept."""


@dataclass(frozen=True)
class Wanted(Generic[T]):
    """A value that may be kept.

    parts: gives what its key holds, None where it cannot be told. form: how it is written. make: works it out.
    whole: says of a new value whether it may be kept; good: of a kept one whether it may be given. end: when there is
    no more time, by the loop's clock.
    """

    level: Level
    parts: Callable[[Maker], Awaitable[Parts | None]]
    form: Form[T]
    make: Callable[[], Awaitable[T]]
    whole: Callable[[T], bool] | None = None
    good: Callable[[T], Awaitable[bool]] | None = None
    end: float | None = None


async def through(wanted: Wanted[T], record: Record) -> tuple[T, bool]:
    """Give the value, and whether it was kept; the record has a stage that says what the caches did."""
    here = around.get()
    caches = here.keeping(wanted.level)
    if not caches or here.maker is None:
        return await wanted.make(), False
    if not (there := [cache for cache in caches if not cache.is_away()]):
        # Not even the key is made: a store that is away must cost next to nothing.
        with record.stage(_stage(wanted.level), caches[0].name) as facts:
            facts.update(outcome="off", failed=LEFT_ALONE)
        return await wanted.make(), False
    return await _Road(wanted, record, here, there).value(here.maker)


def _stage(level: Level) -> str:
    return f"cache ({level})"


class _Road(Generic[T]):
    def __init__(self, wanted: Wanted[T], record: Record, here: Around, caches: Sequence[Cache]) -> None:
        self._wanted, self._record, self._fresh, self._caches = wanted, record, here.fresh, caches
        self._stage = _stage(wanted.level)

    async def value(self, maker: Maker) -> tuple[T, bool]:
        with self._record.stage(self._stage, self._caches[0].name) as facts:
            key = await self._key(maker, facts)
            if key is None or self._fresh:
                facts["outcome"] = "off" if key is None else "fresh"
                self._count(facts["outcome"])
                flight = None
            else:
                flight, kept = await self._looked_up(key, facts)
        if key is None:
            return await self._wanted.make(), False
        if flight is None and not self._fresh and kept is not None:
            return kept, True
        return await self._made(key, flight), False

    async def _key(self, maker: Maker, facts: dict[str, Any]) -> str | None:
        try:
            if maker.is_at_hand:  # to set a clock takes as long as the key itself
                parts = await self._wanted.parts(maker)
            else:
                async with asyncio.timeout_at(self._wanted.end):
                    parts = await self._wanted.parts(maker)
        except (Untold, TimeoutError) as untold:
            facts["because"] = str(untold) or "there was no time"
            return None
        if parts is None:
            facts["because"] = "the index does not say when it changes, or is being changed"
            return None
        return key_of(self._wanted.level, parts)

    async def _looked_up(self, key: str, facts: dict[str, Any]) -> tuple[Flight[Kept] | None, T | None]:
        """Give the flight that is to be landed, or the value; neither where each works it out on its own."""
        while True:
            flight, leads = self._caches[0].flights.join(key)
            if leads:
                return await self._leading(flight, key, facts)
            kept = await flight.wait(self._wanted.end)
            if kept != "left":
                break
        value = None if kept is None else await self._given(kept, facts, "shared")
        if value is None:
            facts["outcome"] = "miss"
            self._count("miss")
        return None, value

    async def _leading(
        self, flight: Flight[Kept], key: str, facts: dict[str, Any]
    ) -> tuple[Flight[Kept] | None, T | None]:
        try:
            for place, cache in enumerate(self._caches):
                kept = await cache.aget(self._wanted.level, key)
                if kept is not None and (value := await self._given(kept, facts, "hit")) is not None:
                    flight.landed(kept)
                    for nearer in self._caches[:place]:
                        nearer.put(self._wanted.level, key, kept)
                    return None, value
        except BaseException as error:
            _ended(flight, error)
            raise
        facts["outcome"] = "miss"
        self._count("miss")
        return flight, None

    async def _given(self, kept: Kept, facts: dict[str, Any], outcome: str) -> T | None:
        try:
            value = self._wanted.form.read(kept.value)
        except (TypeError, ValueError, KeyError):
            self._count_failed("garbage")
            facts["failed"] = "garbage"
            return None
        if self._wanted.good is not None and not await self._wanted.good(value):
            self._count("refused")
            return None
        facts.update(outcome=outcome, cache=self._wanted.level, age=round(age(kept), 3))
        self._count(outcome)
        return value

    async def _made(self, key: str, flight: Flight[Kept] | None) -> T:
        before = len(self._record.stages)
        try:
            value = await self._wanted.make()
            wanted = (flight is not None and flight.is_awaited) or any(cache.store.takes for cache in self._caches)
            data = self._wanted.form.written(value) if wanted and self._whole(value, before) else None
        except BaseException as error:
            if flight is not None:
                _ended(flight, error)
            raise
        kept = None if data is None else Kept(data, time.time())
        if flight is not None:
            flight.landed(kept)
        if kept is not None:
            for cache in self._caches:
                cache.put(self._wanted.level, key, kept)
        return value

    def _whole(self, value: T, before: int) -> bool:
        in_part = any(part in one.facts for one in self._record.stages[before:] for part in IN_PART)
        return not in_part and (self._wanted.whole is None or self._wanted.whole(value))

    def _count(self, outcome: str) -> None:
        for cache in self._caches:
            cache.count(f"{self._wanted.level} {outcome}")

    def _count_failed(self, reason: str) -> None:
        for cache in self._caches:
            cache.count(f"failed: {reason}")


def _ended(flight: Flight[Kept], error: BaseException) -> None:
    # Whoever was cancelled leaves the work to the next; what failed, the others may try on their own.
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        flight.left()
    else:
        flight.landed(None)
