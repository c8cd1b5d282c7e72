"""The wrapper `redis_cache` on a real Redis: shared by processes, and down, slow, full or full of garbage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagora
import imagora_cache
import imagora_ingestion
import imagora_redis
import pytest
import redis
import toys
from imagora import Pipeline
from imagora.catalog import Catalog
from imagora.testing import WrapperContract
from imagora_benchmarks.redis_server import PROGRAM, Proxy, Server, running
from imagora_caching.cache import Cache
from imagora_caching.store import Kept, StoreFailed, sealed
from imagora_redis.breaker import Breaker
from imagora_redis.options import URL, RedisOptions
from imagora_redis.store import RedisStore
from toy_recipes import built, problems, recipe_of, write

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Debian's package redis-server is not installed")
CATALOG = Catalog.of(toys, imagora_ingestion, imagora_cache, imagora_redis)
PATIENT = {"timeout": 2, "slow": 2}
"""For tests of what is kept: other tests beside them make a server slow."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture(autouse=True)
def emptied(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        redis.Redis.from_url(request.getfixturevalue("server").url).flushall()


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Give pipelines of toys with a Redis around them; each new one is as another process's."""
    opened: list[Pipeline] = []

    def pipeline(url: str, **options: Any) -> Pipeline:
        recipe = recipe_of(wrappers=[{"use": "redis_cache", "url": url, **options}])
        opened.append(made := built(tmp_path, recipe, CATALOG))
        made.ingest()
        return made

    yield pipeline
    for made in opened:
        made.close()


def cache_of(pipeline: Pipeline) -> Cache:
    cache: Any = pipeline.stages.wrappers[0][1]
    assert isinstance(cache, Cache)
    return cache


def store_of(pipeline: Pipeline) -> RedisStore:
    store = cache_of(pipeline).store
    assert isinstance(store, RedisStore)
    return store


def flushed(pipeline: Pipeline) -> None:
    assert store_of(pipeline)._outbox.flush(10)


class TestRedisCacheContract(WrapperContract):
    component = "redis_cache"

    @pytest.fixture(autouse=True)
    def _address(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(URL, server.url)


def test_an_answer_is_kept_with_its_time_and_given_again(ask: Callable[..., Pipeline], server: Server) -> None:
    pipeline = ask(server.url, **PATIENT)
    first = pipeline.ask("a red rose")
    flushed(pipeline)
    second = pipeline.ask("a red rose")
    assert (first.cached, second.cached is not None) == (None, True)
    assert (first.text, first.citations, first.passages) == (second.text, second.citations, second.passages)
    client = redis.Redis.from_url(server.url)
    times = {key.decode().split(":")[1]: client.ttl(key) for key in client.keys("imagora:*")}
    assert 86_000 < times["answer"] <= 86_400
    assert 1_700 < times["retrieval"] <= 1_800


RECIPE = """
recipe: 1
source: {use: table, path: items.csv}
embedders: {sparse: {use: bm25}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid}
wrappers: [{use: redis_cache, timeout: 2, slow: 2}]
"""


def test_pipelines_share_what_is_kept_until_one_of_them_ingests_something(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, as processes do: an embedded index is one's at a time, and is closed in between."""

    def ingest(text: str) -> None:
        (tmp_path / "items.csv").write_text(f"id,text\n1,{text}\n")
        with imagora.load(tmp_path / "recipe.yaml") as pipeline:
            pipeline.ingest()

    def search() -> tuple[str, bool]:
        with imagora.load(tmp_path / "recipe.yaml") as pipeline:
            found = pipeline.search("rose")
            flushed(pipeline)
            return found.passages[0].get_content(), found.cached is not None

    monkeypatch.setenv(URL, server.url)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    ingest("a red rose")
    assert [search(), search()] == [("a red rose", False), ("a red rose", True)]
    ingest("a red rose")  # which changes nothing
    assert search() == ("a red rose", True)
    ingest("a white rose")
    assert [search(), search()] == [("a white rose", False), ("a white rose", True)]


def test_a_redis_that_is_down_is_left_alone_until_it_is_there_again(
    ask: Callable[..., Pipeline], tmp_path: Path
) -> None:
    with running(tmp_path) as server:
        pipeline = ask(server.url, retry_after=0.1, **PATIENT)
        pipeline.ask("rose")
        flushed(pipeline)
        server.stop()
        assert [pipeline.ask("rose").cached for _ in range(4)] == [None] * 4
        assert cache_of(pipeline).counts()["failed: down"] >= 3
        assert store_of(pipeline)._breaker.is_open
        server.start()
        end = time.monotonic() + 30
        while store_of(pipeline)._breaker.is_open and time.monotonic() < end:
            pipeline.ask("rose")
            time.sleep(0.05)
        pipeline.ask("rose")
        flushed(pipeline)
        assert pipeline.ask("rose").cached is not None


def test_a_redis_that_hangs_is_not_waited_for_and_then_left_alone(ask: Callable[..., Pipeline], proxy: Proxy) -> None:
    proxy.delay = 30
    pipeline = ask(proxy.url, timeout=0.05, retry_after=60)
    answers = [pipeline.ask("rose") for _ in range(5)]
    assert {answer.text for answer in answers} == {"A red rose in a vase. [1]"}
    counts = cache_of(pipeline).counts()
    assert counts["failed: timeout"] == 3
    assert counts["failed: left alone"] > 3
    told = [record.facts.get("failed") for answer in answers for record in answer.stages if "cache" in record.stage]
    assert (told[0], told[-1]) == ("timeout", "left alone")


def test_a_slow_redis_is_left_alone_although_it_answers(ask: Callable[..., Pipeline], proxy: Proxy) -> None:
    proxy.delay = 0.03
    pipeline = ask(proxy.url, timeout=2, slow=0.02, retry_after=60)
    for _ in range(12):
        assert pipeline.ask("rose").text == "A red rose in a vase. [1]"
    counts = cache_of(pipeline).counts()
    assert counts["failed: left alone"] > 0
    assert "failed: timeout" not in counts


def test_a_full_redis_keeps_nothing_and_changes_nothing(ask: Callable[..., Pipeline], tmp_path: Path) -> None:
    with running(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        pipeline = ask(server.url, **PATIENT)
        assert [pipeline.ask("rose").text for _ in range(3)] == ["A red rose in a vase. [1]"] * 3
        flushed(pipeline)
        counts = cache_of(pipeline).counts()
        assert counts["failed: write: full"] >= 1, counts  # after which nothing is written for a while
        assert not store_of(pipeline)._breaker.is_open


def test_a_full_redis_that_has_nothing_is_left_alone_and_one_that_has_something_is_not(
    ask: Callable[..., Pipeline], tmp_path: Path
) -> None:
    with running(tmp_path, "--maxmemory-policy", "noeviction") as server:
        pipeline = ask(server.url, **PATIENT, retry_after=60)
        pipeline.ask("rose")
        flushed(pipeline)
        redis.Redis.from_url(server.url).config_set("maxmemory", 1)
        for number in range(6):
            pipeline.ask(f"{number} lamps")
            flushed(pipeline)
            assert pipeline.ask("rose").cached is not None
        assert "failed: left alone" not in cache_of(pipeline).counts()
        for number in range(6, 12):
            pipeline.ask(f"{number} lamps")
        assert cache_of(pipeline).counts()["failed: left alone"] > 0
        assert pipeline.ask("rose").cached is None


def test_garbage_in_redis_is_a_miss_is_counted_and_is_written_over(
    ask: Callable[..., Pipeline], server: Server
) -> None:
    pipeline = ask(server.url, **PATIENT)
    first = pipeline.ask("rose")
    flushed(pipeline)
    client = redis.Redis.from_url(server.url)
    keys = client.keys("imagora:*")
    (answer,) = (key for key in keys if b":answer:" in key)
    foreign = client.get(next(key for key in keys if b":retrieval:" in key))
    for number, wrong in enumerate((b"garbage", b"", b"\0" * 1000, foreign, client.get(answer)[:-1]), start=1):
        client.set(answer, wrong)
        assert pipeline.ask("rose").text == first.text
        flushed(pipeline)
        assert cache_of(pipeline).counts().get("failed: garbage", 0) == number - (number > 1)  # nothing is no garbage
        assert pipeline.ask("rose").cached is not None
    client.delete(answer)
    client.rpush(answer, "a list")
    assert pipeline.ask("rose").text == first.text
    flushed(pipeline)
    assert pipeline.ask("rose").cached is not None
    assert not store_of(pipeline)._breaker.is_open


def test_a_value_with_a_right_sum_and_a_wrong_form_is_a_miss(ask: Callable[..., Pipeline], server: Server) -> None:
    pipeline = ask(server.url, **PATIENT)
    first = pipeline.ask("rose")
    flushed(pipeline)
    client = redis.Redis.from_url(server.url)
    for key in client.keys("imagora:*"):
        client.set(key, sealed(key.decode(), Kept(b'{"text": 1}', time.time())))
    again = pipeline.ask("rose")
    assert (again.text, again.cached) == (first.text, None)
    assert cache_of(pipeline).counts()["failed: garbage"] == 2


def test_what_is_no_redis_at_all_changes_no_answer(ask: Callable[..., Pipeline], proxy: Proxy) -> None:
    proxy.garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    pipeline = ask(proxy.url, retry_after=60, **PATIENT)
    assert {pipeline.ask("rose").text for _ in range(4)} == {"A red rose in a vase. [1]"}
    assert any(name.startswith("failed: ") for name in cache_of(pipeline).counts())


def test_a_value_that_is_too_large_is_neither_written_nor_read(server: Server) -> None:
    store = RedisStore(RedisOptions(url=server.url, megabytes=0.001, **PATIENT))
    with pytest.raises(StoreFailed, match="too large"):
        store.put("key", b"x" * 1_001, 60)
    redis.Redis.from_url(server.url).set("key", b"x" * 100_000)
    with pytest.raises(StoreFailed, match="too large"):
        store.get("key")
    store.close()


def test_a_password_is_taken_from_the_address_and_never_shown(
    ask: Callable[..., Pipeline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, "--requirepass", "open-sesame") as server:
        for password, outcome in (("open-sesame", True), ("wrong", False)):
            monkeypatch.setenv(URL, server.url.replace("//", f"//:{password}@"))
            recipe = recipe_of(wrappers=[{"use": "redis_cache", **PATIENT}])
            with built(tmp_path, recipe, CATALOG) as pipeline:
                pipeline.ingest()
                pipeline.ask("rose")
                flushed(pipeline)
                assert (pipeline.ask("rose").cached is not None) == outcome
                assert ("failed: access" in cache_of(pipeline).counts()) != outcome
                assert "open-sesame" not in f"{pipeline.plan} {cache_of(pipeline).options}"


def test_a_recipe_without_an_address_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    (none,) = problems(write(tmp_path, recipe_of(wrappers=[{"use": "redis_cache"}])), CATALOG)
    assert f"there is no address of Redis; set {URL}, or say url: redis://HOST:6379/0" in none
    (wrong,) = problems(write(tmp_path, recipe_of(wrappers=[{"use": "redis_cache", "url": "http://h"}])), CATALOG)
    assert "an address of Redis begins with redis://" in wrong
    (unset,) = problems(write(tmp_path, recipe_of(wrappers=[{"use": "redis_cache", "url": "${NOT_SET}"}])), CATALOG)
    assert "the environment variable 'NOT_SET' is not set" in unset


def test_nothing_is_connected_to_before_the_first_query(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(wrappers=[{"use": "redis_cache", "url": "redis://127.0.0.1:1"}]), CATALOG) as made:
        assert "_client" not in vars(store_of(made))


def test_the_breaker_opens_after_three_failures_in_a_row_and_its_pauses_grow() -> None:
    breaker = Breaker(slow=0.01, retry_after=0.05)
    for outcome in (breaker.failed, breaker.failed, lambda: breaker.went(0.001), breaker.failed, breaker.failed):
        outcome()
    assert not breaker.is_open
    breaker.failed()
    assert (breaker.is_open, breaker.is_due) == (True, False)
    time.sleep(0.06)
    assert (breaker.is_due, breaker.is_due) == (True, False)
    breaker.tried(None)
    time.sleep(0.06)
    assert not breaker.is_due
    breaker.tried(0.02)
    assert breaker.is_open
    breaker.tried(0.001)
    assert not breaker.is_open


def test_an_event_loop_is_not_held_up_by_a_redis_that_hangs(ask: Callable[..., Pipeline], proxy: Proxy) -> None:
    proxy.delay = 30
    pipeline = ask(proxy.url, timeout=0.4)

    async def turns() -> int:
        number, task = 0, asyncio.create_task(pipeline.aask("rose"))
        while not task.done():
            await asyncio.sleep(0.01)
            number += 1
        return number

    assert asyncio.run(turns()) > 10
