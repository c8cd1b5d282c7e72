"""`kafka` keeps the contract of feeds on librdkafka's own mock cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from imagora import Deleted, Item
from imagora.testing import FeedContract

from .kafka_cluster import Cluster, feed_of


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


class TestKafkaFeed(FeedContract):
    @pytest.fixture
    def topic(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr("imagora_kafka.source.SESSION", 4)
        return str(request.node.name)

    @pytest.fixture
    def reopen(self, cluster: Cluster, topic: str) -> Iterator[Callable[[], Any]]:
        opened: list[Any] = []

        def reopen() -> Any:
            end()
            opened.append(feed_of(cluster, topic))
            return opened[-1]

        def end() -> None:
            for feed in opened[-1:]:
                feed._close()  # the process ends

        yield reopen
        end()

    @pytest.fixture
    def tell(self, cluster: Cluster, topic: str) -> Callable[[Sequence[Item | Deleted]], None]:
        def tell(things: Sequence[Item | Deleted]) -> None:
            cluster.send(topic, *((one.uri, {"text": one.text} if isinstance(one, Item) else None) for one in things))

        return tell
