"""`s3_events`: notifications through SQS in any order end in the bucket's state, and none is lost by a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from imagora import Deleted, Item, Unreadable
from imagora.errors import PictureError, SourceError, StageError
from imagora.stages import Feed
from imagora.testing import FeedContract
from imagora_s3.events import S3Events
from imagora_s3.notices import Malformed, Notice, notices
from imagora_s3.options import S3EventsOptions
from toy_stages import square

from .s3_server import Server, ingest, no_real_credentials, pipeline_of, serving

RED, BLUE = square("red"), square("blue")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_real_credentials(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        server.s3.create_bucket(Bucket="shop")
        yield server


class Shop:
    """A bucket and a queue of its notifications, which a test sends itself: in its own order, and twice."""

    def __init__(self, server: Server, queue: str) -> None:
        self.server = server
        self.queue = server.sqs.create_queue(QueueName=queue)["QueueUrl"]

    def tell(self, *keys: str, event: str = "ObjectCreated:Put", bucket: str = "shop") -> None:
        records = [{"eventName": event, "s3": {"bucket": {"name": bucket}, "object": {"key": k}}} for k in keys]
        self.send(json.dumps({"Records": records}))

    def send(self, body: str) -> None:
        self.server.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def options(self, **more: Any) -> dict[str, Any]:
        queue = {"queue_url": self.queue, "wait": 0, "idle": 0, "visibility": 1}
        return self.server.options(**{**queue, **more})

    def feed(self, **more: Any) -> S3Events:
        return S3Events(S3EventsOptions.model_validate(self.options(**more)))

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self.server.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(said[name]) for name in names)


@pytest.fixture
def shop(running: Server, request: pytest.FixtureRequest) -> Shop:
    found = running.s3.list_objects_v2(Bucket="shop").get("Contents", [])
    running.remove(*(one["Key"] for one in found))
    running.downloads()
    return Shop(running, f"q{abs(hash(request.node.name))}")


def kept(folder: Path) -> list[str]:
    entries = json.loads((folder / "index.json").read_text("utf-8"))["entries"]
    return sorted(entry["payload"]["_uri"] for entry in entries)


def said(things: Sequence[Item | Deleted | Unreadable]) -> list[str]:
    return [f"{type(thing).__name__} {thing.uri}" for thing in things]


class TestEvents(FeedContract):
    restarts = False  # a queue has only what is not done yet
    again_after = 1.2  # the visibility is a second
    names = ("a.txt", "b.txt", "c.txt", "d.txt", "e.txt", "f.txt")

    @pytest.fixture
    def reopen(self, shop: Shop) -> Iterator[Callable[[], S3Events]]:
        opened: list[S3Events] = []

        def reopen() -> S3Events:
            end()
            opened.append(shop.feed())
            return opened[-1]

        def end() -> None:
            for feed in opened[-1:]:
                feed.queue.close()  # the process ends, and hides its messages no longer

        yield reopen
        end()

    @pytest.fixture
    def tell(self, shop: Shop) -> Callable[[Sequence[Item | Deleted]], None]:
        def tell(things: Sequence[Item | Deleted]) -> None:
            for thing in things:
                key = f"photos/{thing.uri}"
                if isinstance(thing, Item):
                    shop.server.s3.put_object(Bucket="shop", Key=key, Body=thing.text)
                    shop.tell(key)
                else:
                    shop.server.remove(key)
                    shop.tell(key, event="ObjectRemoved:Delete")

        return tell


def test_it_is_a_feed_named_like_the_listing_of_the_same_address(shop: Shop) -> None:
    feed = shop.feed()
    assert isinstance(feed, Feed) and feed.uri == f"s3://shop/photos?endpoint={shop.server.url}"
    feed.restart()
    assert list(feed.items()) == [] and feed.count() is None
    feed.acknowledge(0)


def test_events_keep_what_a_listing_began(shop: Shop, tmp_path: Path) -> None:
    shop.server.put(photos__a_dot_png=RED, photos__b_dot_png=RED)
    assert ingest(tmp_path, {"use": "s3", **shop.server.options()}).added == 2
    events = {"use": "s3_events", **shop.options()}
    shop.server.put(photos__b_dot_png=BLUE, **{"photos__new file_dot_png": BLUE})
    shop.server.remove("photos/a.png")
    shop.tell("photos/b.png")
    shop.tell("photos/new+file.png", quote_plus("photos/a.png"))
    shop.server.downloads()
    report = ingest(tmp_path, events)
    assert (report.added, report.changed, report.deleted, shop.left()) == (1, 1, 1, 0)
    assert kept(tmp_path) == ["b.png", "new file.png"]
    shop.tell("photos/b.png")
    shop.server.downloads()
    report = ingest(tmp_path, events)
    assert (report.unchanged, report.embedded, shop.server.downloads()) == (1, 0, [])
    assert ingest(tmp_path, {"use": "s3", **shop.server.options()}).unchanged == 2


def test_any_order_and_any_number_of_events_end_in_the_same_state(shop: Shop) -> None:
    shop.server.put(photos__here_dot_png=RED)
    told = [("photos/here.png", "ObjectCreated:Put"), ("photos/here.png", "ObjectRemoved:Delete")]
    told += [("photos/gone.png", "ObjectRemoved:Delete"), ("photos/gone.png", "ObjectCreated:Put")]
    for order in (told, told[::-1], told * 2):
        for key, event in order:
            shop.tell(key, event=event)
        feed = shop.feed()
        given = list(feed.items())
        assert sorted(said(given)) == ["Deleted gone.png", "Item here.png"]
        feed.acknowledge(len(given))
    assert shop.left() == 0


def test_messages_come_again_after_a_crash_and_the_index_ends_up_right(shop: Shop, tmp_path: Path) -> None:
    shop.server.put(photos__a_dot_png=RED, photos__b_dot_png=BLUE)
    shop.tell("photos/a.png")
    shop.tell("photos/b.png", "photos/gone.png")
    with pipeline_of(tmp_path, {"use": "s3_events", **shop.options()}) as pipeline:
        source: Any = pipeline.stages.source
        source.acknowledge = lambda given: 1 / 0
        with pytest.raises(StageError, match="ZeroDivisionError"):
            pipeline.ingest()
        assert shop.left() == 2
        source.queue.close()  # the process ends
    assert set(kept(tmp_path)) <= {"a.png", "b.png"} and kept(tmp_path), "the index has what the queue was not told"
    time.sleep(1.2)
    shop.server.remove("photos/b.png")
    report = ingest(tmp_path, {"use": "s3_events", **shop.options()})
    assert report.unchanged + report.added == 1 and shop.left() == 0
    assert kept(tmp_path) == ["a.png"]


def test_only_messages_whose_things_are_all_durable_are_deleted(shop: Shop) -> None:
    shop.server.put(photos__a_dot_png=RED, photos__b_dot_png=RED, photos__c_dot_png=RED)
    shop.tell("photos/a.png")
    shop.tell("photos/b.png", "photos/c.png")
    feed = shop.feed()
    assert len(list(feed.items())) == 3
    feed.acknowledge(0)
    assert shop.left() == 2
    first = feed._taken[0].ends
    feed.acknowledge(2)
    assert shop.left() == 1, f"the first message told of {first}"
    feed.acknowledge(3)
    assert shop.left() == 0


def test_messages_stay_hidden_while_they_are_worked_on(shop: Shop) -> None:
    shop.server.put(photos__a_dot_png=RED)
    shop.tell("photos/a.png")
    feed = shop.feed()
    assert said(list(feed.items())) == ["Item a.png"]
    time.sleep(2.2)
    other = shop.feed()
    assert list(other.items()) == [], "more than twice the visibility has passed"
    feed.acknowledge(1)
    assert shop.left() == 0


def test_a_download_that_may_work_later_keeps_its_message(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.server.put(photos__a_dot_png=RED, photos__b_dot_png=RED)
    shop.tell("photos/a.png")
    shop.tell("photos/b.png")
    feed = shop.feed(attempts=1)
    items = {item.uri: item for item in feed.items()}
    fs, real = feed.store._opened[0], feed.store._opened[0].cat_file

    def away(path: str, **more: Any) -> Any:
        if path.endswith("a.png"):
            raise TimeoutError("no answer")
        return real(path, **more)

    monkeypatch.setattr(fs, "cat_file", away)
    for name in ("a.png", "b.png"):
        item = items[name]
        assert isinstance(item, Item) and callable(item.picture)
        if name == "a.png":
            with pytest.raises(PictureError, match="no answer"):
                item.picture()
        else:
            assert item.picture() == RED
    feed.acknowledge(2)
    assert shop.left() == 1
    time.sleep(1.2)
    assert said(list(shop.feed().items())) == ["Item a.png"]


def test_objects_beside_a_picture_change_the_picture(shop: Shop) -> None:
    def given(key: str) -> list[Item | Deleted | Unreadable]:
        shop.tell(f"photos/{key}")
        feed = shop.feed()
        things = list(feed.items())
        feed.acknowledge(len(things))
        return things

    shop.server.put(photos__a_dot_txt="words")
    assert given("a.txt") == [Item("a.txt", "words")]
    shop.server.put(photos__a_dot_png=RED, photos__a_dot_more_dot_png=RED, photos__ab_dot_png=RED)
    assert said(given("a.png")) == ["Deleted a.txt", "Item a.png"]
    shop.server.put(photos__a_dot_json='{"title": "A"}')
    (_, item) = given("a.json")
    assert isinstance(item, Item) and (item.text, item.metadata) == ("words", {"title": "A"})
    shop.server.remove("photos/a.png", "photos/a.json")
    assert said(given("a.png")) == ["Deleted a.png", "Item a.txt"]


def test_what_is_not_ours_is_passed_over_and_what_is_wrong_is_named(shop: Shop) -> None:
    shop.server.put(photos__sub__a_dot_png=RED, elsewhere_dot_png=RED)
    shop.tell("elsewhere.png", "photos/list.xlsx", "photosets/a.png")
    shop.tell("photos/sub/a.png", event="ObjectTagging:Put")
    shop.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    feed = shop.feed(recursive=False)
    assert list(feed.items()) == []
    feed.acknowledge(0)
    assert shop.left() == 0
    shop.send("{")
    shop.tell("photos/sub/a.png", bucket="other")
    feed = shop.feed()
    refused = [thing.reason for thing in feed.items() if isinstance(thing, Unreadable)]
    assert sorted(refused) == ["it is not JSON", "it is not in the bucket 'shop'"]
    feed.acknowledge(2)
    assert shop.left() == 0


def test_every_way_to_the_queue_says_the_same() -> None:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2B%C3%A9.png"}}}
    direct = json.dumps({"Records": [record]})
    bridge = {"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {"key": "a b+é.png"}}}
    for body in (direct, json.dumps({"Type": "Notification", "Message": direct}), json.dumps(bridge)):
        assert notices(body) == [Notice("b", "a b+é.png")]
    for body in ("", "[]", "{}", '{"Records": 1}', '{"Records": [{"eventName": "ObjectCreated:Put"}]}', "[" * 100_000):
        with pytest.raises(Malformed):
            notices(body)


def test_a_run_ends_after_so_many_messages(shop: Shop) -> None:
    for number in range(25):
        shop.server.s3.put_object(Bucket="shop", Key=f"photos/{number}.png", Body=RED)
        shop.tell(f"photos/{number}.png")
    feed = shop.feed(max_messages=12)
    given = list(feed.items())
    assert len(given) == 12
    feed.acknowledge(12)
    assert shop.left() == 13


def test_a_queue_that_is_not_there_is_named(shop: Shop) -> None:
    feed = shop.feed(queue_url=f"{shop.server.url}/123456789012/nowhere")
    with pytest.raises(SourceError, match="the queue '.*nowhere' cannot be used: "):
        list(feed.items())
