"""`imagora bench`: two kinds of load, what they come to, and that Ctrl-C keeps what was measured."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from imagora.cli.main import app
from imagora.errors import QueryError, StageError
from imagora_evals.benching.load import UNFINISHED, Asked, Gave, closed, open_
from imagora_evals.benching.numbers import listed, seconds
from imagora_evals.benching.steps import Step, saturation, step_of
from toy_distributions import environment_with
from typer.testing import CliRunner

from .eval_toys import written


def test_a_closed_load_has_as_many_queries_under_way_as_callers() -> None:
    under_way: list[int] = []
    now = 0

    async def ask(number: int) -> Gave:
        nonlocal now
        now += 1
        under_way.append(now)
        await asyncio.sleep(0.005)
        now -= 1
        return Gave({"stage": 0.005})

    async def tried() -> list[Asked]:
        return await closed(ask, 3, 0.2, asyncio.Event())

    asked = asyncio.run(tried())
    assert max(under_way) == 3
    assert len(asked) == len(under_way) > 3
    assert all(one.seconds >= 0.005 for one in asked)


def test_a_rate_counts_the_time_from_when_a_query_was_due() -> None:
    """The first query stops everything for 0.4 s, as a pause of the whole process does; those due meanwhile show it."""

    async def ask(number: int) -> Gave:
        if number == 0:
            time.sleep(0.4)
        return Gave()

    async def tried() -> list[Asked]:
        return await open_(ask, 100, 0.5, asyncio.Event())

    asked = sorted(asyncio.run(tried()), key=lambda one: one.due)
    stopped = [one for one in asked[1:] if one.due < asked[0].due + 0.3]
    assert len(stopped) > 10
    # Whoever began to count when the query was begun would have found all of them quick.
    assert all(one.seconds > 0.09 for one in stopped)
    assert step_of("open", 100, asked).stages["total"]["p50"] > 0.05


def test_arrivals_are_those_of_a_poisson_process_and_the_same_for_a_seed() -> None:
    async def ask(number: int) -> Gave:
        return Gave()

    async def tried(seed: int) -> list[float]:
        return sorted(one.due for one in await open_(ask, 2000, 0.5, asyncio.Event(), seed))

    due = asyncio.run(tried(1))
    assert due == asyncio.run(tried(1)) != asyncio.run(tried(2))
    gaps = [after - before for before, after in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(1 / 2000, rel=0.15)
    assert deviation == pytest.approx(mean, rel=0.15)  # as an exponential distribution has it


def test_what_never_ends_counts_as_an_error_and_keeps_nobody() -> None:
    async def ask(number: int) -> Gave:
        if number % 2:
            await asyncio.Event().wait()
        return Gave()

    async def tried() -> list[Asked]:
        return await open_(ask, 200, 0.2, asyncio.Event())

    step = step_of("open", 200, asyncio.run(tried()))
    assert set(step.errors) == {UNFINISHED}
    assert abs(step.done - step.failed) <= 1


def test_a_load_that_is_stopped_gives_what_it_has() -> None:
    async def tried(load: str) -> list[Asked]:
        stop = asyncio.Event()

        async def ask(number: int) -> Gave:
            if number == 5:
                stop.set()
            await asyncio.sleep(0)
            return Gave()

        return await (closed(ask, 1, 3600, stop) if load == "closed" else open_(ask, 1000, 3600, stop))

    for load in ("closed", "open"):
        asked = asyncio.run(tried(load))
        assert 5 <= len([one for one in asked if not one.gave.error]) <= 7


def test_only_queries_that_worked_count_for_times() -> None:
    chance = random.Random(0)
    asked = [Asked(0, 0.1 * n, Gave({"find": 0.05 * n})) for n in range(1, 101)]
    asked += [Asked(0, 50, Gave(error="the server is down"))] * 3
    chance.shuffle(asked)
    step = step_of("closed", 4, asked)
    assert (step.done, step.failed, step.errors) == (100, 3, {"the server is down": 3})
    assert step.stages["total"]["p50"] == pytest.approx(5.05)
    assert step.stages["find"]["max"] == pytest.approx(5.0)
    assert step.throughput == pytest.approx(100 / 50)


def test_saturation_is_where_more_callers_give_no_more() -> None:
    steps = [Step("closed", n, 10, 100, through) for n, through in ((1, 50), (2, 95), (4, 99), (8, 98))]
    assert saturation(steps) == "saturated by 2 callers at 95.0 queries/s: 4 callers get 99.0"
    assert saturation(steps[:2]) == ""
    rates = [Step("open", 50, 10, 500, 49.9, 50.3), Step("open", 100, 10, 800, 80, 102)]
    assert saturation(rates) == "it falls behind where 102.0 queries/s come, of which it answers 80.0"
    assert saturation(rates[:1]) == "it keeps up with 50 queries/s"


def test_times_and_lists_are_read_as_people_type_them() -> None:
    assert [seconds(said, "--duration") for said in ("10s", "500ms", "2m", "3")] == [10, 0.5, 120, 3]
    assert listed("1, 2,8", int, "--concurrency") == [1, 2, 8]
    assert listed("", int, "--concurrency") == []
    for said in ("10 parsecs", "-1s", "", "99h"):
        with pytest.raises(QueryError, match="takes a time such as 10s"):
            seconds(said, "--duration")
    for said in ("0", "two", "inf", "-1"):
        with pytest.raises(QueryError, match="takes numbers above 0"):
            listed(said, float, "--rate")


def test_a_bench_says_its_figures_its_machine_and_draws_them(recipe: Path, suite_folder: Path) -> None:
    short = ["--duration", "200ms", "--warm-up", "100ms"]
    line = ["bench", str(recipe), str(suite_folder), "--concurrency", "1,2", "--rate", "20", *short, "--json"]
    done = CliRunner().invoke(app, [*line, "--svg", "curve.svg", "--html", "page.html"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [(step["kind"], step["level"]) for step in said["steps"]] == [("closed", 1), ("closed", 2), ("open", 20)]
    assert {"retriever toy_retriever", "generator toy_quote", "total"} <= set(said["steps"][0]["stages"])
    assert {"p50", "p90", "p95", "p99", "max", "mean"} == set(said["steps"][0]["stages"]["total"])
    assert said["machine"]["cores"] >= 1 and said["machine"]["cpu"] and said["versions"]["imagora"]
    assert (said["queries"], said["items"], said["answered"], said["interrupted"]) == (5, 4, True, False)
    assert ElementTree.parse("curve.svg").getroot().tag.endswith("svg")
    page = Path("page.html").read_text()
    assert "<svg" in page and "2 callers" in page and "http://" not in page.split("<svg")[0]


async def broken(self: object, query_bundle: object) -> list[object]:
    raise StageError("the server is down")


def test_a_recipe_that_answers_nothing_is_told_at_once(
    recipe: Path, suite_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy_stages import ToyRetriever

    line = ["bench", str(recipe), str(suite_folder), "--no-ingest", "--duration", "1h"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 1
    assert "there is no index at 'index.json'" in done.stderr
    failing = ["bench", str(written({"retriever": {"use": "toy_retriever", "fusion": "weighted"}})), str(suite_folder)]
    monkeypatch.setattr(ToyRetriever, "_aretrieve", broken)
    done = CliRunner().invoke(app, [*failing, "--duration", "1h", "--warm-up", "50ms"])
    assert done.exit_code == 2
    assert "no query could be answered while warming up: the server is down" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C of another process")
def test_ctrl_c_ends_the_load_and_shows_what_was_measured(recipe: Path, suite_folder: Path, tmp_path: Path) -> None:
    program = "from imagora.cli.main import main; main()"
    line = ["bench", str(recipe), str(suite_folder), "--concurrency", "1", "--duration", "1h", "--json"]
    environment = environment_with(tmp_path / "site")
    process = subprocess.Popen(
        [sys.executable, "-c", program, *line, "--warm-up", "100ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stderr is not None
    seen: list[str] = []
    while "1 caller" not in (told := process.stderr.readline()):
        assert told, f"it ended before the load began: {seen}"
        seen.append(told)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    said = json.loads(out)
    assert said["interrupted"] and said["steps"][0]["done"] > 0
    assert "Traceback" not in err
