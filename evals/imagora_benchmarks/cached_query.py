"""How much faster a repeated query is from a cache, and what a Redis that fails adds to queries.

    python -m imagora_benchmarks.cached_query [--queries 200] [--items 300]

The starter's own models and index. Repeated: every question is asked without a cache, and again with one that has it,
in turn; then it is asked three times in a row, which is shown and not judged. Faults: every question is new and asked
without a cache, and with a Redis that is well, down, hangs, answers late, is full, or speaks no Redis, in turn; a real
redis-server, and a proxy that delays; one that is well, to which all is new, is shown and not judged. Exit code 1 where
a repeated question is less than 20 times as fast at p50, or a fault takes the p95 beyond 1.10 of that without a cache.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from imagora import Pipeline, Query
from imagora.assembly import assemble
from imagora_cache.memory import MemoryStore
from imagora_cache.options import CacheOptions
from imagora_caching.cache import Cache
from imagora_recipe.check import check
from imagora_redis.options import RedisOptions
from imagora_redis.store import RedisStore
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from .redis_server import PROGRAM, Proxy, free_port, running

FASTER, P95 = 20.0, 1.10
WARM_UP = 5
WELL = "well"
RECIPE = """
recipe: 1
extends: starter
source: {use: table, path: ./items.csv}
index: {path: ./index}
pictures: {thumbnails: 0}
"""
THINGS = ("boat", "rose", "lamp", "bridge", "cat", "moon", "guitar", "teapot", "castle", "bicycle", "horse", "clock")
PLACES = ("harbour", "garden", "kitchen", "valley", "attic", "market", "forest", "station", "library", "courtyard")
COLOURS = ("red", "green", "blue", "yellow", "black", "white", "grey", "brown")


def told(chance: random.Random) -> str:
    """Give a sentence."""
    return f"a {chance.choice(COLOURS)} {chance.choice(THINGS)} in the {chance.choice(PLACES)}"


@contextmanager
def ingested(folder: Path, items: int) -> Iterator[Pipeline]:
    """Give the starter's pipeline over so many texts."""
    chance = random.Random(1)  # noqa: S311 - the same texts in every run
    rows = [f"{n},{told(chance).capitalize()}. It is {told(chance)}, or near {told(chance)}." for n in range(items)]
    (folder / "items.csv").write_text("id,text\n" + "\n".join(row.replace(", ", "; ") for row in rows) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE)
    plan = check(folder / "recipe.yaml")
    with Pipeline(plan, assemble(plan)) as pipeline:
        pipeline.ingest()
        yield pipeline


def with_cache(pipeline: Pipeline, cache: Cache) -> Pipeline:
    """Give the same stages with a cache around them."""
    return Pipeline(pipeline.plan, replace(pipeline.stages, wrappers=((cache.name, cache),)))


async def timed(pipeline: Pipeline, query: Query, *, search: bool = False) -> float:
    """Give the milliseconds that a query takes."""
    started = time.perf_counter()
    await (pipeline.retrieve(query) if search else pipeline.answer(query))
    return 1000 * (time.perf_counter() - started)


async def repeated(bare: Pipeline, queries: int) -> dict[str, np.ndarray[Any, Any]]:
    """Give the milliseconds without a cache and with one that has it: answers, and searches."""
    cached = with_cache(bare, Cache("cache", MemoryStore(10_000, 100_000_000), CacheOptions()))
    chance, times = random.Random(2), dict[str, list[float]]()  # noqa: S311 - the same questions in every run
    for number in range(queries + WARM_UP):
        words = f"Is there {told(chance)} number {number}?"
        if number == WARM_UP:  # as `imagora serve` does once all is loaded
            gc.collect()
            gc.freeze()
        for search in (False, True):
            name = "search" if search else "answer"
            await timed(cached, Query(words), search=search)
            for who, pipeline in (("without", bare), ("kept", cached)):
                # Again and again: what the models have driven out of the processor's caches is back then.
                for again in range(4 if who == "kept" else 1):
                    took = await timed(pipeline, Query(words), search=search)
                    if number >= WARM_UP:
                        times.setdefault(f"{name}, {who}" + ", in a row" * (again > 0), []).append(took)
    return {name: np.array(took) for name, took in times.items()}


@contextmanager
def faults(bare: Pipeline, folder: Path) -> Iterator[dict[str, Pipeline]]:
    """Give a pipeline for each thing that may be wrong with Redis, and one for a Redis that is well."""
    with ExitStack() as stack:
        well = stack.enter_context(running(folder))
        full = stack.enter_context(running(folder, "--maxmemory", "1", "--maxmemory-policy", "noeviction"))
        hangs, late, garbage = (Proxy(well.port) for _ in range(3))
        hangs.delay, late.delay, garbage.garbage = 60.0, 0.03, b"HTTP/1.1 400 Bad Request\r\n\r\n"
        down = f"redis://127.0.0.1:{free_port()}"
        urls = {WELL: well.url, "down": down, "hangs": hangs.url, "late by 30 ms": late.url, "full": full.url}
        urls["no Redis"] = garbage.url
        caches = {}
        for name, url in urls.items():
            options = RedisOptions(url=SecretStr(url), prefix=name)
            caches[name] = Cache("redis_cache", RedisStore(options), options)
            stack.callback(caches[name].close)
        for proxy in (hangs, late, garbage):
            stack.callback(proxy.close)
        yield {name: with_cache(bare, cache) for name, cache in caches.items()}


async def faulty(bare: Pipeline, pipelines: Mapping[str, Pipeline], queries: int) -> dict[str, np.ndarray[Any, Any]]:
    """Give the milliseconds of new questions, without a cache and with each Redis, in turn and in changing order."""
    chance, times = random.Random(3), dict[str, list[float]]()  # noqa: S311 - the same questions in every run
    everyone = [("without", bare), *pipelines.items()]
    for number in range(queries + WARM_UP):
        words = f"Where is {told(chance)} number {number}?"
        for name, pipeline in chance.sample(everyone, len(everyone)):
            took = await timed(pipeline, Query(words))
            if number >= WARM_UP or name != "without":  # the first ones are what a fault costs most
                times.setdefault(name, []).append(took)
    return {name: np.array(took) for name, took in times.items()}


def shown(title: str, found: Mapping[str, np.ndarray[Any, Any]]) -> Table:
    """Make a table of percentiles."""
    table = Table("", "p50, ms", "p95, ms", "p99, ms", title=title)
    for name, times in found.items():
        table.add_row(name, *(f"{value:.2f}" for value in np.percentile(times, (50, 95, 99))))
    return table


def main() -> int:
    """Measure, print the tables, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--items", type=int, default=300)
    arguments = parser.parse_args()
    if PROGRAM is None:
        print("install redis-server first", file=sys.stderr)
        return 2
    console, wrong = Console(), False
    with tempfile.TemporaryDirectory() as folder, ingested(Path(folder), arguments.items) as bare:
        found = asyncio.run(repeated(bare, arguments.queries))
        console.print(shown("a repeated query", found))
        for name in ("answer", "search"):
            faster = float(np.median(found[f"{name}, without"]) / np.median(found[f"{name}, kept"]))
            bound = f", bound {FASTER:g}" if name == "answer" else ""
            console.print(f"{name}: {faster:.1f} times as fast{bound}")
            wrong |= name == "answer" and faster < FASTER
        with faults(bare, Path(folder)) as pipelines:
            found = asyncio.run(faulty(bare, pipelines, arguments.queries))
        console.print(shown("Redis", found))
        usual = float(np.percentile(found["without"], 95))
        for name in pipelines:
            ratio, judged = float(np.percentile(found[name], 95)) / usual, name != WELL
            console.print(f"{name}: p95 {ratio:.3f} of that without a cache" + f", bound {P95:g}" * judged)
            wrong |= judged and ratio > P95
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
