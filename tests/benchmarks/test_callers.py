"""Many callers at once, in small: every query is answered, and waiting for a caller counts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import QueryError
from imagora_benchmarks.callers import by_picture, fill, in_words, offered
from imagora_benchmarks.peers.corpus import corpus_of


def test_words_and_pictures_are_answered_by_one_index(tmp_path: Path) -> None:
    fill(tmp_path, corpus_of(100))
    words = asyncio.run(in_words(tmp_path, rate=20, seconds=1, callers=4, warm=8))
    pictures = asyncio.run(by_picture(tmp_path, rate=10, seconds=1, callers=4, warm=8))
    assert (len(words.milliseconds), words.failed) == (20, 0)
    assert (len(pictures.milliseconds), pictures.failed) == (10, 0)


def test_what_a_query_waits_for_a_free_caller_counts_as_its_time() -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(0.02)

    outcome = asyncio.run(offered(slow, range(20), rate=1000, callers=1))
    assert outcome.milliseconds[-1] >= 20 * 20 - 20 * 10, "twenty in a row, which all came in the first moments"
    assert outcome.milliseconds[-1] > outcome.milliseconds[0]


def test_queries_arrive_though_those_before_them_are_not_answered() -> None:
    under_way, most = 0, 0

    async def slow(_: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1

    asyncio.run(offered(slow, range(30), rate=1000, callers=8))
    assert most == 8


def test_a_query_that_fails_is_counted_and_the_rest_goes_on() -> None:
    async def ask(number: int) -> None:
        if number % 2:
            raise QueryError("odd")

    outcome = asyncio.run(offered(ask, range(10), rate=1000, callers=2))
    assert (outcome.failed, len(outcome.milliseconds)) == (5, 10)


@pytest.mark.parametrize(("share", "milliseconds"), [(50, 50.5), (99, 99.01)])
def test_percentiles_are_those_of_numpy(share: float, milliseconds: float) -> None:
    from imagora_benchmarks.callers import Outcome

    assert Outcome([float(n) for n in range(1, 101)]).percentile(share) == pytest.approx(milliseconds)
