"""What the framework adds to a query: a pipeline's retrieval against the same models and index called by hand.

    python -m imagora_benchmarks.retrieval_overhead [--items 2000] [--queries 200]

Both sides run in one process, in turn, query by query, on the same built stages: Presidio as the guardrail, the
starter's encoder, BM25, and Qdrant's embedded engine with the same items. By hand means: call the guardrail's check,
embed the words, embed them for the sparse leg, and send the engine one fused query for the same number of passages
with their payloads; for the fusion `standardised`, which needs every leg's scores, also the query that gets them, and
the arithmetic. The pipeline does that too, and all it does besides: raw scores on every leg, LlamaIndex's
instrumentation, passages, records. Exit code 1 where the guarded ratio of medians is over the bound.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge
from imagora import Query
from imagora.assembly import assemble
from imagora.item import Item, item_id
from imagora.passages import payload_of
from imagora.pipeline import Pipeline
from imagora.stages import Entry, Scope, SparseVector
from imagora_recipe.check import check
from rich.console import Console
from rich.table import Table

BOUND = 1.15
TOP_K = 20
RECIPE = """
recipe: 1
extends: starter
generator: null
index: {use: qdrant, path: ./index}
retriever: {use: hybrid, fusion: FUSION, legs: {image: 1.0, text: 1.0, sparse: 1.0}, top_k: 20}
GUARD
"""
GUARD = "guardrails: {query: [{use: presidio, action: redact}]}"

COLOURS = ["red", "blue", "green", "yellow", "black", "white", "grey", "brown", "orange", "purple"]
THINGS = [
    "kettle",
    "bicycle",
    "sofa",
    "lamp",
    "jacket",
    "boat",
    "horse",
    "clock",
    "cup",
    "guitar",
    "chair",
    "rocket",
    "camera",
    "bridge",
    "garden",
]
PLACES = ["kitchen", "garage", "harbour", "meadow", "museum", "street", "attic", "workshop", "library", "station"]


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder), arguments.items, arguments.queries))
    table = Table("what", "by hand, ms", "imagora, ms", "ratio of medians", "bound")
    for what, by_hand, ours in rows:
        ratio = statistics.median(ours) / statistics.median(by_hand)
        shown = [f"{statistics.median(times) * 1000:.2f}" for times in (by_hand, ours)]
        table.add_row(what, *shown, f"{ratio:.3f}", f"{BOUND}" if what.startswith("guard,") else "")
    Console().print(table)
    guarded = [(hand, ours) for what, hand, ours in rows if what.startswith("guard,")]
    return int(max(statistics.median(ours) / statistics.median(hand) for hand, ours in guarded) > BOUND)


async def measure(folder: Path, items: int, queries: int) -> list[tuple[str, list[float], list[float]]]:
    """Give the seconds of every query, by hand and by pipeline, for each kind of retrieval."""
    random.seed(0)
    rows = []
    for guard in (True, False):
        for fusion in ("rrf", "standardised"):
            what = f"{'guard, ' if guard else ''}embed, search, fuse ({fusion})"
            place = folder / f"{fusion}-{guard}"
            place.mkdir()
            (place / "recipe.yaml").write_text(
                RECIPE.replace("FUSION", fusion).replace("GUARD", GUARD if guard else "")
            )
            plan = check(place / "recipe.yaml")
            with Pipeline(plan, assemble(plan)) as pipeline:
                fill(pipeline, items)
                rows.append((what, *await compare(pipeline, queries)))
    return rows


def fill(pipeline: Pipeline, items: int) -> None:
    """Write items with real text vectors, and picture vectors near them, as a corpus of captioned pictures has."""
    embedders: Any = pipeline.stages.embedders
    index = pipeline.stages.index
    assert index is not None  # noqa: S101 - the recipe above has one
    index.open({leg: embedder.identity() for leg, embedder in embedders.items()}, create=True)
    texts = [caption() for _ in range(items)]
    vectors = np.array(embedders["text"].get_text_embedding_batch(texts))
    noise = np.random.default_rng(0).normal(scale=0.04, size=vectors.shape)
    sparse = embedders["sparse"].embed_texts(texts)
    for start in range(0, items, 500):
        entries = []
        for n in range(start, min(start + 500, items)):
            item = Item(f"{n}.png", texts[n], None, {"title": texts[n].split(",")[0], "price": n % 100})
            legs = {"image": (vectors[n] + noise[n]).tolist(), "text": vectors[n].tolist(), "sparse": sparse[n]}
            entries.append(Entry(item_id("bench", item.uri), legs, payload_of(item)))
        index.upsert(entries)


def caption() -> str:
    """Make one of 1,500 times 10 captions."""
    colour, thing, place = random.choice(COLOURS), random.choice(THINGS), random.choice(PLACES)  # noqa: S311 - no secret
    return f"A {colour} {thing}, photographed in the {place} at {random.randint(1, 12)} o'clock"  # noqa: S311 - as above


async def compare(pipeline: Pipeline, queries: int) -> tuple[list[float], list[float]]:
    """Time the same queries by hand and by pipeline, in turn; the first ten are not counted."""
    by_hand: list[float] = []
    ours: list[float] = []
    for n in range(queries + 10):
        words = f"{caption().split(',')[0].lower()} number {n}"
        sides: list[tuple[list[float], Callable[[], Awaitable[Any]]]] = [
            (by_hand, lambda words=words: call_by_hand(pipeline, words)),  # type: ignore[misc]  # mypy drops defaults
            (ours, lambda words=words: pipeline.retrieve(Query(words))),  # type: ignore[misc]  # as above
        ]
        for times, call in sides if n % 2 else reversed(sides):
            started = time.perf_counter()
            await call()
            if n >= 10:  # noqa: PLR2004 - the warm-up
                times.append(time.perf_counter() - started)
    return by_hand, ours


async def call_by_hand(pipeline: Pipeline, words: str) -> list[dict[str, Any]]:
    """Guard, embed, and search with one fused query, with nothing of the framework between."""
    for _, guardrail in pipeline.stages.guardrails.get("query", ()):
        (verdict,) = await guardrail.acheck([words], "query", Scope())
        words = verdict.text
    embedders: Any = pipeline.stages.embedders
    vector = embedders["text"]._get_query_embedding(words)
    sparse: SparseVector = embedders["sparse"].embed_query(words)
    near = edge.Query.Nearest
    prefetches = [
        edge.Prefetch(50, near(vector, "image")),
        edge.Prefetch(50, near(vector, "text")),
        edge.Prefetch(50, near(edge.SparseVector(list(sparse.indices), list(sparse.values)), "sparse")),
    ]
    index: Any = pipeline.stages.index
    retriever: Any = pipeline.stages.retriever
    if retriever[1]._options.fusion == "standardised":
        return standardised_by_hand(index._open_one[1]._open, prefetches)
    fusion: Any = edge.Fusion.Rrf(60)
    request = edge.QueryRequest(TOP_K, query=fusion, prefetches=prefetches, with_payload=True)
    points = index._open_one[1]._open.query(request)
    return [{"id": str(point.id), "score": point.score, **point.payload} for point in points]


def standardised_by_hand(shard: Any, prefetches: list[Any]) -> list[dict[str, Any]]:
    """Pick the hits, get their score on each leg, and order them by the mean of their standard scores."""
    pick: Any = edge.Fusion.Rrf(1)
    points = shard.query(edge.QueryRequest(TOP_K + 10, query=pick, prefetches=prefetches, with_payload=True))
    found = edge.Filter(must=[edge.HasIdCondition({str(point.id) for point in points})])
    exact = edge.SearchParams(exact=True)
    legs = [edge.QueryRequest(len(points), query=leg.query, filter=found, params=exact) for leg in prefetches]
    sums = {point.id: 0.0 for point in points}
    for scored in shard.query_batch(edge.QueryBatchRequest(legs)):
        scores = np.array([point.score for point in scored])
        deviations = (scores - scores.mean()) / (scores.std() or 1.0) if len(scores) else scores
        for point, deviation in zip(scored, deviations.tolist(), strict=True):
            sums[point.id] += deviation
    best = sorted(points, key=lambda point: -sums[point.id])[:TOP_K]
    return [{"id": str(point.id), "score": sums[point.id], **point.payload} for point in best]


if __name__ == "__main__":
    sys.exit(main())
