"""A Kafka cluster in this process, librdkafka's own mock, and feeds of its topics."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

kafka = pytest.importorskip("confluent_kafka", reason="needs the extra: pip install 'imagora[kafka]'")
QUIET = {"logger": logging.getLogger("imagora-tests-kafka")}


class Cluster:
    """A cluster of one broker that lives in this process as long as its first producer; topics come by themselves."""

    def __init__(self) -> None:
        self._home = kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, **QUIET})
        (broker,) = self._home.list_topics(timeout=10).brokers.values()
        self.servers = f"{broker.host}:{broker.port}"
        self._producer = kafka.Producer({"bootstrap.servers": self.servers, **QUIET})

    def send(self, topic: str, *messages: tuple[str | None, Any], partition: int = 0, **more: Any) -> None:
        for key, value in messages:
            said = value if isinstance(value, bytes | None) else json.dumps(value)
            self._producer.produce(topic, said, key, partition=partition, **more)
        assert self._producer.flush(10) == 0

    def committed(self, topic: str) -> dict[int, int]:
        asking = kafka.Consumer({"bootstrap.servers": self.servers, "group.id": topic, **QUIET})
        places = [kafka.TopicPartition(topic, partition) for partition in range(2)]
        try:
            return {place.partition: place.offset for place in asking.committed(places, timeout=10)}
        finally:
            asking.close()

    def all_of(self, topic: str) -> list[Any]:
        reading = kafka.Consumer({"bootstrap.servers": self.servers, "group.id": "look", **QUIET})
        try:
            reading.assign([kafka.TopicPartition(topic, partition, 0) for partition in range(4)])
            return [message for message in reading.consume(10, timeout=2) if not message.error()]
        finally:
            reading.close()


def source(cluster: Cluster, topic: str, **more: Any) -> dict[str, Any]:
    return {"use": "kafka", "servers": cluster.servers, "topic": topic, "group": topic, "idle": 0.5, **more}


def feed_of(cluster: Cluster, topic: str, **more: Any) -> Any:
    from imagora_kafka.options import KafkaOptions
    from imagora_kafka.source import KafkaFeed

    said = source(cluster, topic, **more)
    del said["use"]
    return KafkaFeed(KafkaOptions.model_validate(said))
