"""Rates: a caller may ask so often, is told when again, and takes nothing from another."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from imagora_gateway.access import Access
from imagora_gateway.auth.rates import Rates
from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.keys import Key, KeyFile

from .live import ingested, served

pytestmark = pytest.mark.anyio
ANN, BOB = Caller("key:ann"), Caller("key:bob")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server on this machine")
    socket = tmp_path / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "ready to accept connections" in line:
                break
        try:
            yield f"redis+unix://{socket}"
        finally:
            process.terminate()


async def refused(rates: Rates, caller: Caller) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await rates.count(caller)
    return caught.value


async def test_what_is_beyond_the_rate_is_refused_with_when_to_come_again() -> None:
    rates = Rates(Access(rates=("3/hour",)))
    left = [(await rates.count(ANN))["X-RateLimit-Remaining-Requests"] for _ in range(3)]
    refusal = await refused(rates, ANN)
    assert left == ["2", "1", "0"]
    assert (refusal.status, refusal.kind, refusal.code) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(refusal.headers["Retry-After"]) <= 3600
    assert refusal.headers["X-RateLimit-Limit-Requests"] == "3"


async def test_one_caller_takes_nothing_from_another() -> None:
    rates = Rates(Access(rates=("1/hour",)))
    await rates.count(ANN)
    await refused(rates, ANN)
    await rates.count(BOB)


async def test_a_quota_holds_beside_a_rate_and_a_keys_own_goes_before_the_usual() -> None:
    rates = Rates(Access(rates=("1/hour",)))
    both = Caller("key:both", rates=("4/second", "5/month"))
    for _ in range(4):
        await rates.count(both)
    said = [str((await refused(rates, both)).said) for _ in range(1)]
    assert said[0].startswith("this key may ask 4 times a second")


async def test_several_processes_count_together_in_redis(redis: str) -> None:
    here, there = (Rates(Access(rates=("3/hour",), rates_at=redis)) for _ in range(2))
    await here.count(ANN)
    await there.count(ANN)
    await here.count(ANN)
    assert (await refused(there, ANN)).status == 429
    await there.count(BOB)


async def test_without_its_redis_a_process_still_counts(tmp_path: Path) -> None:
    rates = Rates(Access(rates=("2/hour",), rates_at=f"redis+unix://{tmp_path}/nobody.sock"))
    await rates.count(ANN)
    await rates.count(ANN)
    assert (await refused(rates, ANN)).status == 429


def test_a_served_gateway_says_what_is_left_and_refuses_in_the_shape_of_the_door(tmp_path: Path) -> None:
    written = KeyFile(tmp_path / "gateway" / "keys.sqlite").create(Key(id="", name="ann", rates=("2/hour",)))
    with served(tmp_path, ingested(tmp_path)) as live:
        with live.client(headers={"Authorization": f"Bearer {written}"}) as client:
            answers = [client.get(path) for path in ("/v1/models", "/v1/models/none", "/v1/models", "/openapi.json")]
        with httpx.Client(base_url=live.url) as nobody:
            health = nobody.get("/health")
    assert [answer.status_code for answer in answers] == [200, 404, 429, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0", "0"]
    assert answers[2].json()["error"]["type"] == "rate_limit_error"
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert int(answers[3].headers["retry-after"]) >= 1
    assert health.status_code == 200
