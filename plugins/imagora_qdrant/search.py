"""One search, said as the queries to send and what to make of their results.

The steps are a generator, so that the embedded engine runs all in one thread and the server's client awaits each.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from imagora.stages import Hit, LegQuery, SearchRequest, SparseVector

from .dialect import Condition, Dialect, Point, Query, Request

Steps: TypeAlias = Generator[list[Request], list[list[Point]], list[Hit]]
"""Gives a batch of queries, takes their results, and so on; returns the hits."""


PointId: TypeAlias = Hashable
"""The engine's or the client's own: a UUID, or its text; the same form in all results of one search."""


@dataclass(frozen=True)
class _Found:
    id: PointId
    score: float
    payload: Mapping[str, Any]


def search_steps(request: SearchRequest, dialect: Dialect, condition: Condition | None, *, one_shard: bool) -> Steps:
    """Search, fuse and look up every hit's raw score on every leg.

    The raw scores are a second query over the hits' ids alone: a fused query gives none, and a hit may be outside of
    a leg's candidates. one_shard: a server of several shards runs all but the outermost query in each shard on
    its own, so that weights, which need an inner one, are then given their due here, from the legs' merged results.
    """
    legs = [leg for leg in request.legs if not _is_empty(leg)]
    if not legs:
        return []
    if len(legs) == 1 and legs[0].weight > 0 and request.fusion != "dbsf" and not dialect.quantized:
        return (yield from _one_leg(request, legs[0], dialect, condition))
    if one_shard or _has_own_fusion(request, legs):
        found = yield from _fused_there(request, legs, dialect, condition)
    else:
        found = yield from _fused_here(request, legs, dialect, condition)
    if not found:
        return []
    names = [str(hit.id) for hit in found]
    ids = dialect.every([dialect.ids(names)])
    results = yield [dialect.scores(leg.leg, leg.vector, len(found), ids, exact=True) for leg in legs]
    # By the engine's own ids: a UUID is a key as it is, and its text is only needed once a hit.
    raw: dict[PointId, dict[str, float]] = {hit.id: {} for hit in found}
    for leg, points in zip(legs, results, strict=True):
        for point in points:
            raw[point.id][leg.name] = point.score
    return [Hit(name, hit.score, raw[hit.id], hit.payload) for name, hit in zip(names, found, strict=True)]


def _one_leg(request: SearchRequest, leg: LegQuery, dialect: Dialect, condition: Condition | None) -> Steps:
    """Search one leg with one query: its order is the fused one, and its scores are the raw ones."""
    limit = min(request.limit, request.candidates)
    (points,) = yield [dialect.alone(leg.leg, leg.vector, limit, condition)]
    terms = _terms(request, [point.score for point in points])
    return [
        Hit(str(point.id), leg.weight * term, {leg.name: point.score}, point.payload or {})
        for point, term in zip(points, terms, strict=True)
    ]


def _is_empty(leg: LegQuery) -> bool:
    return isinstance(leg.vector, SparseVector) and not leg.vector.indices


def _has_own_fusion(request: SearchRequest, legs: Sequence[LegQuery]) -> bool:
    """Say whether Qdrant's own fusion has our formula; weighted, its RRF has 1 / ((rank + 1) / weight + k - 1)."""
    return request.fusion != "weighted" and len({leg.weight for leg in legs}) == 1


def _fused_there(request: SearchRequest, legs: list[LegQuery], dialect: Dialect, condition: Condition | None) -> Any:
    prefetches = [dialect.near(leg.leg, leg.vector, request.candidates, condition) for leg in legs]
    if _has_own_fusion(request, legs):
        query, factor = _fusion(request, dialect), legs[0].weight
    else:
        query, factor = dialect.weighted([leg.weight for leg in legs]), 1.0
        if request.fusion != "weighted":
            # The fusion of one leg with nothing gives the leg's own terms, which the formula then weighs and sums.
            fusion = _fusion(request, dialect)
            prefetches = [dialect.ordered(fusion, [leg], request.candidates) for leg in prefetches]
    (points,) = yield [dialect.answer(query, prefetches, request.limit)]
    return [_Found(point.id, point.score * factor, point.payload or {}) for point in points]


def _fusion(request: SearchRequest, dialect: Dialect) -> Query:
    return dialect.rrf(request.rrf_k) if request.fusion == "rrf" else dialect.dbsf()


def _fused_here(request: SearchRequest, legs: list[LegQuery], dialect: Dialect, condition: Condition | None) -> Any:
    limit = request.candidates
    results = yield [dialect.scores(leg.leg, leg.vector, limit, condition, exact=False) for leg in legs]
    fused: dict[PointId, float] = {}
    for leg, points in zip(legs, results, strict=True):
        terms = _terms(request, [point.score for point in points])
        for point, term in zip(points, terms, strict=True):
            fused[point.id] = fused.get(point.id, 0.0) + leg.weight * term
    best = sorted(fused.items(), key=lambda pair: (-pair[1], str(pair[0])))[: request.limit]
    if not best:
        return []
    (points,) = yield [dialect.payloads(dialect.every([dialect.ids([str(id_) for id_, _ in best])]), len(best))]
    payloads = {point.id: point.payload or {} for point in points}
    return [_Found(id_, score, payloads[id_]) for id_, score in best if id_ in payloads]


def _terms(request: SearchRequest, scores: list[float]) -> list[float]:
    """Give what each of a leg's candidates adds to its fused score, before the leg's weight."""
    if request.fusion == "weighted":
        return scores
    if request.fusion == "rrf":
        return [1 / (request.rrf_k + rank) for rank in range(len(scores))]
    mean = math.fsum(scores) / max(1, len(scores))
    variance = math.fsum((score - mean) ** 2 for score in scores) / max(1, len(scores) - 1)
    spread = 3 * math.sqrt(variance)
    return [(score - (mean - spread)) / (2 * spread) if spread else 0.5 for score in scores]
