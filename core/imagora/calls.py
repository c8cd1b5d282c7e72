"""Calls to a model elsewhere: within a time, tried again in one place, and errors that quote no prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from .errors import GeneratorError

T = TypeVar("T")
tries: ContextVar[list[int] | None] = ContextVar("imagora_tries", default=None)
"""How many tries the query that is under way has left with all of its generators together, in a list of one."""
FIRST_WAIT = 0.3
"""Seconds before the second try; before the third they are doubled."""
MOST_QUOTED = 200
REPEATED = 20
"""From so many characters in a row that are in the prompt too, a server's words are not quoted."""


class Passing(GeneratorError):
    """A failure that may pass, so that another try makes sense; `after`: the seconds that the server asks to wait."""

    code = "IMG-811"

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class Time:
    """The time that a call has left: `seconds` in all, and `silence` seconds from one word to the next."""

    def __init__(self, seconds: float, silence: float) -> None:
        self._now = asyncio.get_running_loop().time
        self.seconds, self.silence = seconds, silence
        self.end, self._heard = self._now() + seconds, self._now()

    def heard(self) -> None:
        """Note that the server said something."""
        self._heard = self._now()

    def left(self) -> float:
        """Give the seconds until the end."""
        return self.end - self._now()

    def until(self) -> float:
        """Give the moment, of the event loop's clock, at which to stop waiting for the next word."""
        return min(self.end, self._heard + self.silence)

    def over(self) -> GeneratorError:
        """Say which of the two times is over."""
        if self._now() >= self.end:
            return GeneratorError(f"it did not end within {self.seconds:g} s, the 'timeout'")
        return GeneratorError(f"it said nothing for {self.silence:g} s, the 'silence' that the recipe allows")


async def tried(call: Callable[[], Awaitable[T]], time: Time, retries: int) -> T:
    """Call, and after a Passing failure call again while there is time; the last one says how often it was tried."""

    left = tries.get() or [1 + retries]

    def again(error: BaseException) -> bool:
        return isinstance(error, Passing) and (error.after or 0.0) < time.left() and left[0] > 0

    async def counted() -> T:
        left[0] -= 1
        return await call()

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        own = float(FIRST_WAIT * 2 ** (state.attempt_number - 1))
        return max(own, (error.after or 0.0) if isinstance(error, Passing) else 0.0)

    stop = stop_after_attempt(1 + retries)
    attempts = AsyncRetrying(stop=stop, retry=retry_if_exception(again), wait=wait, reraise=True)
    try:
        return await attempts(counted)
    except Passing as error:
        made = attempts.statistics.get("attempt_number", 1)
        how = f"tried {made} {'times' if made > 1 else 'time'}"
        if error.after and not again(error):
            how += f"; it asks to wait {error.after:g} s, and 'timeout' leaves {max(0.0, time.left()):.0f} s"
        raise GeneratorError(f"{error}; {how}", code=error.code) from None


def retry_after(value: str) -> float | None:
    """Read the header Retry-After, seconds or a date; None where it says nothing that can be read."""
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def quoted(said: str, prompt: str) -> str:
    """Quote a server's words behind a colon, short and printable; "" where there are none or they repeat the prompt."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in said[: 4 * MOST_QUOTED]).split())
    words = words if len(words) <= MOST_QUOTED else words[: MOST_QUOTED - 1] + "…"
    plain, starts = " ".join(prompt.split()), range(max(1, len(words) - REPEATED + 1))
    if not words or ";base64," in words or any(words[at : at + REPEATED] in plain for at in starts):
        return ""
    return f": '{words}'"
