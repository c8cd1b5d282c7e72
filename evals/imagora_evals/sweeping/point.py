"""One point of a sweep of an index, in a process of its own, whose memory nothing else has touched.

python -m imagora_evals.sweeping.point build|measure < JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from imagora import BuildContext
from imagora.assembly import build
from imagora.errors import ImagoraError
from imagora.stages import Index, LegQuery, LocalIndex, SearchRequest
from imagora_recipe.check import check

from .corpus import read
from .memory import held

BATCH = 1_000
WARM, ASKED = 20, 200
FAILED = 1
SAME = 1e-5


def main() -> int:
    """Do what the arguments say with what stdin holds; a mistake of the user's is said on stderr."""
    said = json.load(sys.stdin)
    try:
        found = {"build": _built, "measure": _measured}[sys.argv[1]](said)
    except ImagoraError as error:
        print(error, file=sys.stderr)
        return FAILED
    print(json.dumps(found))
    return 0


def _index(said: dict[str, Any]) -> Index:
    plan = check(said["recipe"], profile=said["profile"], said=[*said["assigned"], *said["set"]])
    assert plan.index is not None  # noqa: S101 - the parent looked
    index: Index = build(plan.index, BuildContext(recipe=plan.name))
    return index


def _built(said: dict[str, Any]) -> dict[str, float]:
    """Fill an index with the corpus."""
    corpus, index, started = read(Path(said["corpus"])), _index(said), time.monotonic()
    index.open(corpus.legs, create=True)
    entries = corpus.entries()
    while batch := list(islice(entries, BATCH)):
        index.upsert(batch)
    index.close()  # which finishes graphs
    return {"seconds": time.monotonic() - started}


def _measured(said: dict[str, Any]) -> dict[str, Any]:
    """Give recall by leg, the seconds of searches, and the bytes that the process has more than before."""
    corpus, index = read(Path(said["corpus"])), _index(said)
    legs = list(corpus.legs)
    queries = {leg: corpus.queries(leg).tolist() for leg in legs}
    least: dict[str, list[float]] = json.loads(Path(said["exact"]).read_text("utf-8"))
    before = held()
    index.open(corpus.legs, create=False)
    found = asyncio.run(_searched(index, queries, said["k"]))
    memory = held() - before
    index.close()
    recall, times = {}, []
    for leg in legs:
        hits, took = found[leg]
        count = min(said["k"], len(corpus.rows(leg)))
        near = [_near(got, score) for got, score in zip(hits, least[leg], strict=True)]
        recall[leg] = float(np.mean([min(found, count) / count for found in near]))
        times += took
    p50, p99 = (float(value) for value in np.percentile(times, [50, 99]))
    mean = sum(recall.values()) / len(recall)
    return {"recall": mean, "recall_by_leg": recall, "p50": p50, "p99": p99, "memory": memory}


async def _searched(
    index: Index, queries: dict[str, list[list[float]]], k: int
) -> dict[str, tuple[list[list[float]], list[float]]]:
    """Ask every query of every leg, by itself; few of them are asked again, so that percentiles have enough times."""
    found = {}
    for leg, vectors in queries.items():
        requests = [SearchRequest((LegQuery(leg, leg, vector),), k, max(50, 2 * k)) for vector in vectors]
        for request in requests[:WARM]:
            await _search(index, request)
        hits, times = [], []
        for number in range(max(len(requests), ASKED)):
            started = time.perf_counter()
            got = await _search(index, requests[number % len(requests)])
            times.append(time.perf_counter() - started)
            if number < len(requests):
                hits.append([hit.scores.get(leg, -1.0) for hit in got])
        found[leg] = (hits, times)
    return found


async def _search(index: Index, request: SearchRequest) -> Any:
    return index.search(request) if isinstance(index, LocalIndex) else await index.asearch(request)


def _near(scores: list[float], least: float) -> int:
    """Count the hits that are as near as the last of the truly nearest, rounding aside."""
    return sum(score >= least - SAME for score in scores)


if __name__ == "__main__":
    sys.exit(main())
