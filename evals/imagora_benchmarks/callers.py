"""Thirty-two callers at once in one process: how long a query takes when they come at a given rate.

    python -m imagora_benchmarks.callers [--items 100000] [--seconds 20] [--words 400] [--pictures 100] [--callers 32]
        [--backend onnx|onnx-int8]

An open loop: queries arrive at times that were drawn before (exponential gaps, seeded), whether or not those before
them have been answered. A caller that is free takes the next one; what a query waits for one counts as its time. So a
pipeline that is too slow for the rate shows it, as it would to users. Asked is `pipeline.asearch` in one event loop,
for ten passages: words on the text leg of MiniLM on ONNX Runtime, and pictures, PNG files drawn by code that are
decoded as any stranger's are, on the image leg of the starter's tower. Both legs are in one embedded Qdrant index. Text
vectors are real, picture vectors lie near them; no query comes twice. The process has two of the machine's cores.
Before it counts, it has answered hundreds of queries, which bring the index's pages into memory, and has told Python's
garbage collector what is here to stay, as the gateway does: else that stops all callers for a tenth of a second.

Exit code 1 where p99 is over the bound, or where a query failed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagora
import numpy as np
from imagora.errors import ImagoraError
from imagora.item import Item, item_id
from imagora.passages import payload_of
from imagora.stages import Entry
from rich.console import Console
from rich.table import Table

from .peers.captions import questions
from .peers.corpus import Corpus, corpus_of
from .peers.drawings import drawn

BOUND = 100.0
"""Milliseconds that 99 of a hundred queries may take."""
CORES = 2
WARM_UP = 500
_AT_ONCE = 500
RECIPE = """
recipe: 1
embedders:
  text: {{use: starter, backend: {backend}}}
  # One thread for a picture, of which two go at once: a lone caller waits longer, and many are answered sooner.
  image: {{use: starter, backend: {backend}, threads: 1}}
index: {{use: qdrant, path: ./index}}
retriever: {{use: hybrid, legs: {{{leg}: 1.0}}, top_k: 10}}
"""


@dataclass
class Outcome:
    """What became of one row of queries: milliseconds from each one's arrival on, how many failed, and the rate."""

    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    a_second: float = 0.0

    def percentile(self, share: float) -> float:
        """Give a percentile of the milliseconds."""
        return float(np.percentile(self.milliseconds, share))


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--words", type=float, default=400, help="queries a second in words")
    parser.add_argument("--pictures", type=float, default=100, help="queries a second by picture")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--backend", choices=["onnx", "onnx-int8"], default="onnx", help="how words are embedded")
    said = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), corpus_of(said.items, int8=said.backend == "onnx-int8"), said.backend)
        found = {
            "words": asyncio.run(in_words(Path(folder), said.words, said.seconds, said.callers)),
            "pictures": asyncio.run(by_picture(Path(folder), said.pictures, said.seconds, said.callers)),
        }
    rates = {"words": said.words, "pictures": said.pictures}
    table = Table("queries", "offered, 1/s", "answered, 1/s", "p50, ms", "p99, ms", "failed", "bound on p99")
    for what, outcome in found.items():
        times = [f"{outcome.percentile(share):.1f}" for share in (50, 99)]
        table.add_row(what, f"{rates[what]:g}", f"{outcome.a_second:.0f}", *times, f"{outcome.failed}", f"{BOUND:g} ms")
    Console().print(table)
    return int(any(outcome.failed or outcome.percentile(99) > BOUND for outcome in found.values()))


def fill(folder: Path, corpus: Corpus, backend: str = "onnx") -> None:
    """Write both recipes, and the items with their vectors into the index that these share."""
    for leg in ("text", "image"):
        (folder / f"{leg}.yaml").write_text(RECIPE.format(leg=leg, backend=backend))
    noise = np.random.default_rng(0).normal(scale=0.04, size=corpus.vectors.shape)
    with imagora.load(folder / "text.yaml") as pipeline:
        index, embedders = pipeline.stages.index, pipeline.stages.embedders
        assert index is not None  # noqa: S101 - the recipe above has one
        index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
        for start in range(0, len(corpus.texts), _AT_ONCE):
            entries = []
            for number in range(start, min(start + _AT_ONCE, len(corpus.texts))):
                item, vector = Item(corpus.uri(number), corpus.texts[number]), corpus.vectors[number]
                legs = {"text": vector.tolist(), "image": (vector + noise[number]).tolist()}
                entries.append(Entry(item_id("callers", item.uri), legs, payload_of(item)))
            index.upsert(entries)


async def in_words(folder: Path, rate: float, seconds: float, callers: int, warm: int = WARM_UP) -> Outcome:
    """Ask in words, after a warm-up of as many callers."""
    asked = questions(warm + round(rate * seconds))
    with imagora.load(folder / "text.yaml") as pipeline:
        return await _counted(pipeline.asearch, asked, warm, rate, callers)


async def by_picture(folder: Path, rate: float, seconds: float, callers: int, warm: int = WARM_UP) -> Outcome:
    """Ask by picture, likewise."""
    asked = drawn(folder / "asked", warm + round(rate * seconds))
    with imagora.load(folder / "image.yaml") as pipeline:

        async def ask(picture: Path) -> Any:
            return await pipeline.asearch(pictures=[picture])

        return await _counted(ask, asked, warm, rate, callers)


async def _counted(
    ask: Callable[[Any], Awaitable[Any]], asked: Sequence[Any], warm: int, rate: float, callers: int
) -> Outcome:
    await offered(ask, asked[:warm], rate / 4, callers)
    gc.collect()
    gc.freeze()
    try:
        return await offered(ask, asked[warm:], rate, callers)
    finally:
        gc.unfreeze()


async def offered(ask: Callable[[Any], Awaitable[Any]], asked: Sequence[Any], rate: float, callers: int) -> Outcome:
    """Let queries arrive at a rate, and callers take them in turn."""
    chance = random.Random(len(asked))  # noqa: S311 - no secret
    arrival, row = 0.0, []
    for query in asked:
        row.append((arrival := arrival + chance.expovariate(rate), query))
    outcome, waiting, begin = Outcome(), iter(row), time.perf_counter()

    async def caller() -> None:
        for at, query in waiting:
            await asyncio.sleep(max(0.0, begin + at - time.perf_counter()))
            try:
                await ask(query)
            except ImagoraError:
                outcome.failed += 1
            outcome.milliseconds.append((time.perf_counter() - begin - at) * 1000)

    await asyncio.gather(*(caller() for _ in range(callers)))
    outcome.a_second = len(row) / (time.perf_counter() - begin)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
