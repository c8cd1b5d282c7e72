"""The source `s3_events`: what S3 tells through SQS, looked up in the bucket as it is now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TypeAlias

from imagora import Deleted, Item, Unreadable
from imagora.errors import ImagoraError, SourceError

from .notices import Malformed, Notice, notices
from .options import S3EventsOptions
from .queue import Queue
from .source import text_of
from .store import Download, Object, Store, in_words, passes
from .words import Unusable, grouped, item_of, stem

Thing: TypeAlias = Item | Unreadable | Deleted


@dataclass(frozen=True)
class Taken:
    """A message that was taken: its receipt, and how many things had been given when all of its own were."""

    receipt: str
    ends: int


class S3Events:
    """Gives what changed; an event only says where to look, so that duplicates and any order end in the same state.

    Its name, and its items', are those of the source `s3` with the same address: entries of a listing are kept up to
    date by events. A message is deleted when all that it told of is durable; a picture that could not be downloaded
    for a passing reason keeps its message.
    """

    def __init__(self, options: S3EventsOptions) -> None:
        self.options, self.store, self.queue = options, Store(options), Queue(options)
        self._taken: list[Taken] = []
        self._again: set[str] = set()
        self._running = False

    @property
    def uri(self) -> str:
        """The bucket's address, and the endpoint where one is given: the same as of the source `s3`."""
        return self.options.uri

    def count(self) -> int | None:
        """Say None: SQS knows only roughly how many messages there are."""
        return None

    def items(self) -> Iterator[Thing]:
        """Give changes until there were no messages for `idle` seconds, or `max_messages`."""
        self.queue.close()
        self._taken, self._again, self._running = [], set(), True
        given, last = 0, dict[str, Thing]()
        try:
            for message in self._messages():
                receipt = message["ReceiptHandle"]
                new = [thing for thing in self._things(message) if last.get(thing.uri) != thing]
                last |= {thing.uri: thing for thing in new}
                given += len(new)
                self._taken.append(Taken(receipt, given))
                yield from new
        except BaseException:
            self.queue.close()  # what was taken comes again
            raise
        finally:
            self._running = False

    def restart(self) -> None:
        """Do nothing: a queue has only what is not done yet. What was there before is listed once with `s3`."""

    def acknowledge(self, given: int) -> None:
        """Delete the messages of all that is durable or refused."""
        done = [taken.receipt for taken in self._taken if taken.ends <= given]
        self._taken = [taken for taken in self._taken if taken.ends > given]
        self.queue.forget([receipt for receipt in done if receipt in self._again])
        self.queue.delete([receipt for receipt in done if receipt not in self._again])
        if not self._running and not self._taken:
            self.queue.close()

    def _messages(self) -> Iterator[dict[str, str]]:
        left, quiet_since = self.options.max_messages, time.monotonic()
        while left:
            rest = quiet_since + self.options.idle - time.monotonic()
            messages = self.queue.receive(max(0, min(self.options.wait, round(rest))), left)
            yield from messages
            left -= len(messages)
            if messages:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= self.options.idle:
                return
            elif not self.options.wait:
                time.sleep(0.1)

    def _things(self, message: dict[str, str]) -> Iterator[Thing]:
        try:
            told = dict.fromkeys(notices(message.get("Body", "")))
        except Malformed as error:
            yield Unreadable(f"message {message.get('MessageId')}", str(error))
            return
        for notice in told:
            try:
                yield from self._now(notice, message["ReceiptHandle"])
            except ImagoraError:
                raise
            except Exception as error:  # s3fs has errors of several families
                place = f"{notice.bucket}/{notice.key}"
                raise SourceError(f"'{place}' cannot be looked up: {in_words(error)}") from error

    def _now(self, notice: Notice, receipt: str) -> Iterator[Thing]:
        bucket, _, folder = self.store.root.partition("/")
        if notice.bucket != bucket:
            yield Unreadable(f"{notice.bucket}/{notice.key}", f"it is not in the bucket '{bucket}'")
            return
        name = notice.key.removeprefix(f"{folder}/") if folder else notice.key
        ending, options = PurePosixPath(name).suffix.lower(), self.options
        if (folder and name == notice.key) or (not options.recursive and "/" in name) or "//" in f"/{name}/":
            return
        if ending not in (*options.pictures, *options.texts, ".json"):
            return
        there = [one for one in self.store.beginning(f"{stem(name)}.") if stem(one.name) == stem(name)]
        groups = grouped(there, options)
        # A text is an item only while no picture has its name; and what is not there is no item.
        gone = {name, *(one.name for one in there)} - {group.uri for group in groups}
        yield from (Deleted(uri) for uri in sorted(gone) if not uri.lower().endswith(".json"))
        for group in groups:
            yield item_of(group, self._text, partial(self._download, receipt))

    def _download(self, receipt: str, found: Object) -> Download:
        return Download(self.store, found, partial(self._again.add, receipt))

    def _text(self, found: Object) -> str:
        try:
            return text_of(self.store, found)
        except Unusable as error:
            if error.__cause__ and passes(error.__cause__):
                raise SourceError(str(error)) from error  # the message must come again
            raise
