"""`kafka` on librdkafka's own mock cluster: upserts, tombstones, poison, crashes and two partitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagora_ingestion
import imagora_kafka
import pytest
import toys
from imagora import Deleted, Item, Pipeline, Unreadable
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import SourceError, StageError
from imagora.stages import Feed
from imagora_recipe.check import check
from toy_recipes import recipe_of, write

from .kafka_cluster import QUIET, Cluster, feed_of, kafka, source

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_kafka)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    yield Cluster()


def pipeline_of(folder: Path, said: dict[str, Any]) -> Pipeline:
    recipe = recipe_of(source=said, index={"use": "toy_memory", "path": "index.json"})
    plan = check(write(folder, recipe), CATALOG)
    return Pipeline(plan, assemble(plan))


def kept(folder: Path) -> dict[str, str]:
    entries = json.loads((folder / "index.json").read_text("utf-8"))["entries"]
    assert len({entry["id"] for entry in entries}) == len(entries)
    return {entry["payload"]["_uri"]: entry["payload"]["_text"] for entry in entries}


def words(text: str) -> dict[str, str]:
    return {"text": text}


def test_upserts_and_tombstones_of_two_partitions_end_in_the_last_state_of_each_key(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.send("states", ("a", words("1")), ("b", words("1")), ("a", words("2")), ("b", None), ("a", words("3")))
    cluster.send("states", ("c", None), ("c", words("1")), ("d", words("1")), ("d", words("2")), partition=1)
    with pipeline_of(tmp_path, source(cluster, "states")) as pipeline:
        report = pipeline.ingest()
        assert isinstance(pipeline.stages.source, Feed) and not report.quarantined
    assert kept(tmp_path) == {"a": "3", "c": "1", "d": "2"}
    assert cluster.committed("states") == {0: 5, 1: 4}


def test_messages_come_again_after_a_crash_and_the_index_ends_up_right(cluster: Cluster, tmp_path: Path) -> None:
    cluster.send("crash", *((str(number), words(f"text {number}")) for number in range(40)), ("0", None))
    cluster.send("crash", ("x", words("x")), partition=1)
    with pipeline_of(tmp_path, source(cluster, "crash")) as pipeline:
        feed: Any = pipeline.stages.source
        feed.acknowledge = lambda given: 1 / 0
        with pytest.raises(StageError, match="ZeroDivisionError"):
            pipeline.ingest()
        feed._close()  # the process ends
    before = kept(tmp_path)
    assert before and cluster.committed("crash") == {0: 0, 1: 0}, "written, and not said to the broker"
    cluster.send("crash", ("1", None))
    with pipeline_of(tmp_path, source(cluster, "crash")) as pipeline:
        report = pipeline.ingest()
    assert kept(tmp_path) == {**{str(number): f"text {number}" for number in range(2, 40)}, "x": "x"}
    assert report.unchanged > 0 and cluster.committed("crash") == {0: 42, 1: 1}


def test_poison_is_named_copied_and_passed_and_offsets_go_only_as_far_as_acknowledged(cluster: Cluster) -> None:
    cluster.send("poison", ("a", words("1")), ("b", b"{"), (None, words("x")), ("a", None))
    cluster.send("poison", ("c", b"\x89PNG"), headers=[("content-type", b"image/png")])
    feed = feed_of(cluster, "poison", dead_letters="dead", max_messages=5)
    given = list(feed.items())
    assert [type(thing) for thing in given] == [Item, Unreadable, Unreadable, Deleted, Item]
    assert [thing.uri for thing in given] == ["a", "poison/0/1", "poison/0/2", "a", "c"]
    assert isinstance(given[1], Unreadable) and given[1].reason.startswith("its value is not JSON")
    dead = {dict(message.headers() or [])["imagora-place"]: message for message in cluster.all_of("dead")}
    assert {place: (one.key(), one.value()) for place, one in dead.items()} == {
        b"poison/0/1": (b"b", b"{"),
        b"poison/0/2": (None, b'{"text": "x"}'),
    }
    assert cluster.committed("poison") == {0: -1001, 1: -1001}
    feed.acknowledge(2)
    assert cluster.committed("poison")[0] == 2
    feed.acknowledge(5)
    assert cluster.committed("poison")[0] == 5 and feed._consumer is None, "and the group need not wait for us"


def test_brokers_that_do_not_answer_are_named() -> None:
    from imagora_kafka.options import KafkaOptions
    from imagora_kafka.source import KafkaFeed

    feed = KafkaFeed(KafkaOptions(servers="127.0.0.1:9", topic="shop", timeout=1))
    assert feed.uri == "kafka:shop" and feed.count() is None
    with pytest.raises(SourceError, match="the topic 'shop' cannot be read: "):
        list(feed.items())


def test_a_restart_begins_at_the_first_messages_for_whoever_reads_next(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagora_kafka.source.SESSION", 4)
    cluster.send("again", ("a", words("1")), ("b", words("1")))
    cluster.send("again", ("c", words("1")), partition=1)
    first, stays = feed_of(cluster, "again"), feed_of(cluster, "again", start="latest")
    first.restart()
    assert sorted(thing.uri for thing in first.items()) == ["a", "b", "c"], "the offsets were never committed"
    first.acknowledge(3)
    assert cluster.committed("again")[0] == 2
    stays.restart()
    assert cluster.committed("again")[0] == 2, "after the last message is where it wants to be"
    second = feed_of(cluster, "again")
    second.restart()
    second._close()  # the process ends before it reads
    assert cluster.committed("again")[0] == 0
    third = feed_of(cluster, "again")
    assert sorted(thing.uri for thing in third.items()) == ["a", "b", "c"]
    third.acknowledge(3)


def test_a_topic_that_others_read_cannot_be_begun_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagora_kafka.source.SESSION", 1)
    cluster.send("shared", ("a", words("1")))
    cluster.send("shared", ("b", words("1")), partition=1)
    other = kafka.Consumer({"bootstrap.servers": cluster.servers, "group.id": "shared", **QUIET})
    other.subscribe(["shared"])
    try:
        while not other.assignment():
            other.poll(0.2)
        with pytest.raises(SourceError, match="cannot be begun again while others read it in the group 'shared'"):
            feed_of(cluster, "shared", timeout=1).restart()
    finally:
        other.close()
