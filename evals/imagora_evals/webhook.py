"""A report to a chat: a webhook that takes what Slack's takes, `{"text": …}`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from imagora.errors import ImagoraError, MissingExtra

from .gating import Gate

VARIABLE = "IMAGORA_WEBHOOK"
"""The environment variable with the webhook's address. Whoever has it may write to the chat, so it is never printed."""
SECONDS, TRIES = 20.0, 2
_SIGNS = {"passed": ":white_check_mark:", "failed": ":x:", "undecided": ":white_circle:"}
_REDIRECTED = 300


def message(gate: Gate) -> str:
    """Give a gate as a message in Slack's markup: what failed and what was undecided, and the means of the rest."""
    run = gate.run
    word = "passed" if gate.passed else "failed"
    head = f"{_SIGNS[word]} *{_plain(run.recipe)}* on *{_plain(run.suite)}*: gate {word}, {len(run.results)} queries"
    lines = [
        f"{_SIGNS[check.state]} `{check.metric}` {check.limit} {check.demanded:g}: {_plain(check.why)}"
        for check in sorted(gate.checks, key=lambda one: ("failed", "undecided", "passed").index(one.state))
    ]
    return "\n".join([head, *lines])


def failure(recipe: str, suite: str, error: BaseException) -> str:
    """Give a message about a night without a result; of strangers' errors only the kind, for they may quote."""
    why = str(error) if isinstance(error, ImagoraError) else type(error).__name__
    return f"{_SIGNS['failed']} *{_plain(recipe)}* on *{_plain(suite)}*: no result: {_plain(why)[:1000]}"


def deliver(text: str) -> bool:
    """Post a message to the webhook that the environment names; give False where it names none.

    Raises ImagoraError where it is not taken; no error holds the address.
    """
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        return False
    if not url.startswith(("https://", "http://")):
        raise _undelivered("it must begin with https://")
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("a webhook needs httpx; type: pip install 'imagora[evals]'") from error
    with _silent("httpx", "httpcore"):
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=TRIES), timeout=SECONDS) as client:
                status = client.post(url, json={"text": text}).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _undelivered(f"it cannot be reached ({type(error).__name__})") from None
    if status >= _REDIRECTED:  # a redirect is not followed, for it would take the message elsewhere
        raise _undelivered(f"it answers {status}")
    return True


def complain(recipe: str, suite: str, error: BaseException) -> None:
    """Tell the chat that a night has no result; where it cannot be told either, the terminal is."""
    try:
        deliver(failure(recipe, suite, error))
    except ImagoraError as undelivered:
        print(f"warning: {undelivered}", file=sys.stderr)


def _undelivered(why: str) -> ImagoraError:
    return ImagoraError(
        f"the report could not be delivered to the webhook in {VARIABLE}: {why}; check it with: "
        f"""curl -d '{{"text": "hello"}}' "${VARIABLE}\"""",
        code="IMG-144",
    )


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Keep loggers from writing down the address."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _plain(text: str) -> str:
    """Write the three characters that Slack reads as markup as it wants them, so that no text mentions or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
