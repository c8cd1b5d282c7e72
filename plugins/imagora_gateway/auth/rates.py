"""How often a caller may ask: counted in this process, or in a Redis for several of them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from imagora_gateway.access import Access, said_or_from_environment
from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.logs import log

if TYPE_CHECKING:
    from limits import RateLimitItem


class Rates:
    """Counts what callers ask, by sliding windows.

    Where the Redis cannot be reached, this process counts for itself: a gateway that nobody bounds is worse than one
    that bounds less exactly.
    """

    def __init__(self, access: Access) -> None:
        from limits.aio.storage import MemoryStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        self._usual = access.rates
        here = SlidingWindowCounterRateLimiter(MemoryStorage())
        address = said_or_from_environment(access.rates_at) or "memory://"
        self._limiters: list[Any] = [here]
        if not address.startswith("memory:"):
            self._limiters.insert(0, SlidingWindowCounterRateLimiter(_redis(address)))
        self._told = -math.inf

    async def count(self, caller: Caller) -> Mapping[str, str]:
        """Count one request and give the headers that say what is left; a Refusal (429) where nothing is."""
        rates = _parsed(caller.rates or self._usual)
        for limiter in self._limiters:
            try:
                return await _counted(limiter, rates, caller.id)
            except Refusal:
                raise
            except Exception as error:  # whatever a client of Redis raises
                self._tell(error)
        raise Refusal(503, "what callers ask cannot be counted", code="uncounted", headers={"Retry-After": "1"})

    def _tell(self, error: Exception) -> None:
        if time.monotonic() - self._told > 60:  # noqa: PLR2004 - once a minute, whatever the traffic
            self._told = time.monotonic()
            log().warning("the store of the rates cannot be reached; counting here", error=type(error).__name__)


def _redis(address: str) -> Any:
    from limits.aio.storage import RedisStorage

    seconds: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    return RedisStorage(f"async+{address}", implementation="redispy", key_prefix="imagora-rates", **seconds)


async def _counted(limiter: Any, rates: Sequence[RateLimitItem], who: str) -> Mapping[str, str]:
    for rate in rates:
        if not await limiter.hit(rate, who):
            headers = await _headers(limiter, rate, who)
            reset = headers["X-RateLimit-Reset-Requests"].removesuffix("s")
            said = f"this key may ask {rate.amount} times a {rate.GRANULARITY.name}; try again in {reset} s"
            raise Refusal(429, said, code="rate_limit_exceeded", headers={**headers, "Retry-After": reset})
    shown = [await _headers(limiter, rate, who) for rate in rates]
    return min(shown, key=lambda headers: int(headers["X-RateLimit-Remaining-Requests"]), default={})


async def _headers(limiter: Any, rate: RateLimitItem, who: str) -> Mapping[str, str]:
    window = await limiter.get_window_stats(rate, who)
    reset = max(1, math.ceil(window.reset_time - time.time()))
    names = {"Limit": str(rate.amount), "Remaining": str(window.remaining), "Reset": f"{reset}s"}
    return {f"X-RateLimit-{name}-Requests": value for name, value in names.items()}  # as OpenAI calls them


@cache
def _parsed(rates: tuple[str, ...]) -> tuple[RateLimitItem, ...]:
    from limits import parse

    return tuple(sorted((parse(rate) for rate in rates), key=lambda rate: rate.get_expiry()))
