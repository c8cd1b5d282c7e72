"""Calls that are cancelled under way, as those of a client that has gone are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

SECONDS = 20
"""How long a call that was cancelled may take to end."""


async def cancelled(call: Callable[[], Awaitable[Any]]) -> None:
    """Cancel a call at its beginning and a little later, and see that it ends as a cancelled one."""
    for wait in (None, 0, 0.001, 0.02):
        task = asyncio.ensure_future(call())
        if wait is not None:
            await asyncio.sleep(wait)
        was_done = task.done()
        task.cancel()
        await asyncio.wait([task], timeout=SECONDS)
        assert task.done(), f"a cancelled call goes on for more than {SECONDS} s"
        assert was_done or task.cancelled(), "a cancelled call ends cancelled, and does not swallow it"


def cancelled_and_asked_again(call: Callable[[], Awaitable[Any]], told: Callable[[Any], Any]) -> None:
    """Cancel calls, and see that the same call says what it said before; `told` gives what is compared."""

    async def ask() -> tuple[Any, Any]:
        before = await call()
        await cancelled(call)
        return told(before), told(await call())

    before, after = asyncio.run(ask())
    assert before == after
