"""An SQS queue: messages are taken, kept hidden from others while they are worked on, and deleted when done."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from fsspec.asyn import get_loop, sync  # type: ignore[import-untyped]  # it has no types
from imagora.errors import SourceError

from .options import S3EventsOptions
from .store import again, in_words

log = logging.getLogger(__name__)
AT_A_TIME = 10  # SQS takes and gives no more in one request
_AFTER_THE_LAST = 12  # how many times `visibility` the work may take after the last message was taken


class Queue:
    """Takes and deletes messages; until they are deleted or forgotten, they are hidden from other readers."""

    def __init__(self, options: S3EventsOptions) -> None:
        self.options, self._talk = options, _Talk(options)
        weakref.finalize(self, _end, self._talk)

    def receive(self, wait: int, most: int) -> list[dict[str, Any]]:
        """Take up to ten messages, after waiting for `wait` seconds at most where there is none."""
        self._talk.until = time.monotonic() + _AFTER_THE_LAST * self.options.visibility
        said = {"WaitTimeSeconds": wait, "VisibilityTimeout": self.options.visibility}
        took = self._ask("receive_message", MaxNumberOfMessages=min(most, AT_A_TIME), **said)
        messages: list[dict[str, Any]] = took.get("Messages", [])
        self._talk.hidden |= {message["ReceiptHandle"]: None for message in messages}
        return messages

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages; one that cannot be deleted comes again, which does no harm."""
        for part in _parts(receipts):
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(part)]
            for failed in self._ask("delete_message_batch", Entries=entries).get("Failed", []):
                log.warning("a message of '%s' stays in the queue: %s", self.options.queue_url, failed.get("Message"))
            self.forget(part)

    def forget(self, receipts: Sequence[str]) -> None:
        """Keep messages hidden no longer: they come again when their time is over."""
        for receipt in receipts:
            self._talk.hidden.pop(receipt, None)

    def close(self) -> None:
        """Close the connection and forget every message; the queue may be used again."""
        _end(self._talk)

    def _ask(self, what: str, **said: Any) -> Any:
        try:
            return again(self.options.attempts, lambda: sync(get_loop(), self._talk.call, what, said))
        except Exception as error:  # botocore's and aiohttp's errors have no root in common
            raise SourceError(f"the queue '{self.options.queue_url}' cannot be used: {in_words(error)}") from error


class _Talk:
    """The connection, all of it on fsspec's thread, and the task that keeps the `hidden` messages so."""

    def __init__(self, options: S3EventsOptions) -> None:
        self.options, self.hidden, self.until = options, dict[str, None](), 0.0
        self._context: Any = None
        self._client: Any = None
        self._hiding: asyncio.Task[None] | None = None

    async def call(self, what: str, said: dict[str, Any]) -> Any:
        if self._client is None:
            self._context = _connect(self.options)
            self._client = await self._context.__aenter__()
            self._hiding = asyncio.create_task(self._keep_hidden())
        return await getattr(self._client, what)(QueueUrl=self.options.queue_url, **said)

    async def stop(self) -> None:
        self.hidden.clear()
        context, hiding, self._context, self._client, self._hiding = self._context, self._hiding, None, None, None
        if hiding:
            hiding.cancel()
        if context:
            await context.__aexit__(None, None, None)

    async def _keep_hidden(self) -> None:
        seconds = self.options.visibility
        while True:
            await asyncio.sleep(seconds / 3)
            if time.monotonic() > self.until:  # the run ended without a word
                self.hidden.clear()
            for part in _parts(list(self.hidden)):
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                    for number, receipt in enumerate(part)
                ]
                try:
                    await self.call("change_message_visibility_batch", {"Entries": entries})
                except Exception as error:  # it may work the next time; else they come again, which does no harm
                    log.warning("messages of '%s' may come again: %s", self.options.queue_url, in_words(error))


def _connect(options: S3EventsOptions) -> Any:
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # it has no types
    from aiobotocore.session import get_session  # type: ignore[import-untyped]  # it has no types
    from botocore import UNSIGNED  # type: ignore[import-untyped]  # it has no types

    config = AioConfig(
        connect_timeout=options.timeout,
        read_timeout=options.timeout + options.wait,
        retries={"total_max_attempts": 1},  # tries are counted in one place, by `again`
        signature_version=UNSIGNED if options.anon else None,
    )
    return get_session().create_client(
        "sqs",
        region_name=options.region,
        endpoint_url=options.queue_endpoint_url or options.endpoint_url,
        aws_access_key_id=options.key.get_secret_value() if options.key else None,
        aws_secret_access_key=options.secret.get_secret_value() if options.secret else None,
        config=config,
    )


def _end(talk: _Talk) -> None:
    if talk._context is not None:
        with suppress(Exception):  # it is closed as well as it can be
            sync(get_loop(), talk.stop)
    talk.hidden.clear()


def _parts(receipts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(receipts), AT_A_TIME):
        yield receipts[start : start + AT_A_TIME]
