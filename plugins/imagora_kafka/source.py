"""The source `kafka`: a topic's messages as items and deletions; offsets are committed when these are durable."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from imagora import Deleted, Item, Unreadable
from imagora.errors import SourceError

from .message import Malformed, thing_of
from .options import KafkaOptions

log = logging.getLogger(__name__)
SESSION = 10  # seconds until the group takes a process that died for dead, and gives its partitions to others


class KafkaFeed:
    """Gives one thing for each message, in the order of each partition; at least once in, effectively once out."""

    def __init__(self, options: KafkaOptions) -> None:
        self.options = options
        self._consumer: Consumer | None = None
        self._dead: Producer | None = None
        self._given: list[tuple[int, int]] = []  # partition and offset of each thing, in the order they were given
        self._acknowledged = 0
        self._ours: set[int] = set()  # partitions that nobody took from us since we read from them
        self._at_end: set[int] = set()  # partitions that were read to their end
        self._joined = False  # the group gave us partitions, perhaps none
        self._running = False
        self._back = False  # partitions that we get are begun from their first messages
        self._held: list[TopicPartition] = []  # partitions that were set back and are not read yet

    @property
    def uri(self) -> str:
        """The topic behind "kafka:"; the brokers' addresses may change, and the items stay the same."""
        return f"kafka:{self.options.topic}"

    def count(self) -> int | None:
        """Say None: more messages may come while it is read."""
        return None

    def items(self) -> Iterator[Item | Unreadable | Deleted]:
        """Give what comes after the committed offsets, until nothing came for `idle` seconds, or `max_messages`."""
        if self._consumer is not None and self._held:
            consumer = self._consumer
            consumer.resume(self._held)
            self._held = []
        else:
            self._close()
            self._consumer = consumer = self._connected()
        self._running = True
        try:
            for message in islice(self._messages(consumer), self.options.max_messages):
                thing = self._thing(message)
                self._given.append((_number(message.partition()), _number(message.offset())))
                yield thing
        except KafkaException as error:
            raise SourceError(f"the topic '{self.options.topic}' cannot be read: {_in_words(error)}") from error
        except BaseException:
            self._close()  # what was read comes again
            raise
        finally:
            self._running = False

    def restart(self) -> None:
        """Set the group's offsets back to the first messages that there are; nothing where the recipe says `latest`."""
        if self.options.start == "latest":
            return
        self._close()
        self._consumer = consumer = self._connected()
        self._back = True
        until = time.monotonic() + SESSION + self.options.timeout  # by then a process that died is no member any more
        try:
            every = self._partitions(consumer)
            while not self._ours >= every:
                if time.monotonic() > until:
                    raise SourceError(
                        f"the topic '{self.options.topic}' cannot be begun again while others read it in the group "
                        f"'{self.options.group}': end them, or say another 'group' in the recipe"
                    )
                message = consumer.poll(0.2)
                error = None if message is None else message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
        except BaseException as error:
            self._close()
            if not isinstance(error, KafkaException):
                raise
            raise SourceError(f"the topic '{self.options.topic}' cannot be begun again: {_in_words(error)}") from error
        finally:
            self._back = False

    def acknowledge(self, given: int) -> None:
        """Commit the offsets behind the first `given` messages."""
        behind = {partition: offset + 1 for partition, offset in self._given[self._acknowledged : given]}
        self._acknowledged = max(given, self._acknowledged)
        topic = self.options.topic
        offsets = [TopicPartition(topic, part, offset) for part, offset in behind.items() if part in self._ours]
        try:
            if offsets and self._consumer is not None:
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise SourceError(f"offsets of the topic '{topic}' cannot be committed: {_in_words(error)}") from error
        if not self._running and self._acknowledged >= len(self._given):
            self._close()  # so that the group need not wait for us

    def _messages(self, consumer: Consumer) -> Iterator[Message]:
        most = SESSION + self.options.timeout
        heard = time.monotonic()  # of the brokers, in any way
        while True:
            message = consumer.poll(min(0.2, self.options.idle))
            quiet = time.monotonic() - heard
            if message is None:
                # Silence counts where every partition was read to its end; before, it is the brokers that are slow.
                if self._joined and self._ours <= self._at_end and quiet >= self.options.idle:
                    return
                if not (self._joined and self._ours <= self._at_end) and quiet > most:
                    raise SourceError(f"the topic '{self.options.topic}' cannot be read: the brokers do not answer")
                continue
            heard, error = time.monotonic(), message.error()
            if error is None:
                yield message
                heard = time.monotonic()
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(_number(message.partition()))
            else:
                raise KafkaException(error)

    def _thing(self, message: Message) -> Item | Unreadable | Deleted:
        headers: Any = message.headers() or []
        kinds = [value for name, value in headers if name.lower() == "content-type" and value]
        kind = kinds[-1].decode("utf-8", "replace") if kinds else None
        key, value = message.key(), message.value()
        try:
            return thing_of(_bytes(key), _bytes(value), kind, self.options.folder)
        except Malformed as error:
            self._bury(message, headers, str(error))
            return Unreadable(f"{self.options.topic}/{message.partition()}/{message.offset()}", str(error))

    def _bury(self, message: Message, headers: list[tuple[str, str | bytes | None]], reason: str) -> None:
        to = self.options.dead_letters
        if to is None:
            return
        if self._dead is None:
            self._dead = Producer(self._shared() | {"enable.idempotence": True})
        place = f"{message.topic()}/{message.partition()}/{message.offset()}".encode()
        more: list[tuple[str, str | bytes | None]] = [
            *headers,
            ("imagora-reason", reason.encode()),
            ("imagora-place", place),
        ]
        failed: list[object] = []
        self._dead.produce(
            to, message.value(), message.key(), headers=more, on_delivery=lambda error, _: failed.append(error)
        )
        self._dead.flush(self.options.timeout)
        if not failed or failed[0] is not None:
            what = failed[0] if failed else "the brokers do not answer"
            raise SourceError(f"a message cannot be copied to the topic '{to}': {what}")

    def _partitions(self, consumer: Consumer) -> set[int]:
        found = consumer.list_topics(self.options.topic, timeout=self.options.timeout).topics[self.options.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return set(found.partitions)

    def _connected(self) -> Consumer:
        options = self.options
        said: dict[str, Any] = self._shared() | {
            "group.id": options.group,
            "auto.offset.reset": options.start,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "enable.auto.offset.store": False,
            "max.poll.interval.ms": options.longest_batch * 1000,
            "session.timeout.ms": SESSION * 1000,
            "fetch.message.max.bytes": int(options.max_megabytes * 1e6),
            "queued.max.messages.kbytes": 65_536,
        }
        self._given, self._acknowledged, self._joined = [], 0, False
        self._ours, self._at_end = set(), set()
        consumer = Consumer(said)
        try:
            self._partitions(consumer)
            consumer.subscribe([options.topic], on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose)
        except KafkaException as failure:
            consumer.close()
            raise SourceError(f"the topic '{options.topic}' cannot be read: {_in_words(failure)}") from failure
        return consumer

    def _gain(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._back:
            for partition in partitions:
                partition.offset = consumer.get_watermark_offsets(partition, timeout=self.options.timeout)[0]
            consumer.assign(partitions)
            consumer.pause(partitions)
            consumer.commit(
                offsets=partitions, asynchronous=False
            )  # whoever reads next begins there, after a crash too
            self._held = partitions
        self._ours |= {partition.partition for partition in partitions}
        self._joined = True

    def _lose(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        lost = {partition.partition for partition in partitions}
        self._ours -= lost  # another reads them from the last commit on: ours would overtake it

    def _shared(self) -> dict[str, Any]:
        options = self.options
        said: dict[str, Any] = {
            "bootstrap.servers": options.servers,
            "client.id": "imagora",
            "security.protocol": options.security,
            "logger": log,
        }
        if options.user is not None and options.password is not None:
            said |= {"sasl.mechanism": options.mechanism, "sasl.username": options.user}
            said["sasl.password"] = options.password.get_secret_value()
        if options.certificates is not None:
            said["ssl.ca.location"] = str(options.certificates)
        return said

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
        self._consumer, self._held = None, []


def _in_words(error: KafkaException) -> str:
    said = error.args[0] if error.args else error
    return str(said.str() if hasattr(said, "str") else said).rstrip(".")


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _number(value: int | None) -> int:
    assert value is not None  # noqa: S101 - a message that was consumed has its place
    return value
