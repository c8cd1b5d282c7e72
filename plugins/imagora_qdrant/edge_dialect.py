"""Conditions and queries in the classes of the embedded engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qdrant_edge as edge
from imagora.stages import SparseVector, Vector

from .dialect import Bound, Condition, Query, Request
from .options import QdrantOptions


def edge_vector(vector: Vector) -> Any:
    """Give a vector as the engine takes it."""
    if isinstance(vector, SparseVector):
        return edge.SparseVector(list(vector.indices), list(vector.values))
    return vector if isinstance(vector, list) else list(vector)


class EdgeDialect:
    """The dialect of qdrant_edge; options: how approximate searches look."""

    def __init__(self, options: QdrantOptions) -> None:
        self.quantized = options.quantization != "none"
        quantised = edge.QuantizationSearchParams(rescore=options.rescore, oversampling=options.oversampling)
        self._params = edge.SearchParams(hnsw_ef=options.hnsw.ef, quantization=quantised)
        self._exact = edge.SearchParams(exact=True, quantization=edge.QuantizationSearchParams(ignore=True))

    def value(self, key: str, value: str | int) -> Condition:
        # The engine reads Python's False as the number 0, and only numpy's own as a truth value (qdrant-edge-py 0.9).
        read: Any = np.bool_(value) if isinstance(value, bool) else value
        return edge.FieldCondition(key, match=edge.MatchValue(read))

    def any_value(self, key: str, values: Sequence[str]) -> Condition:
        return edge.FieldCondition(key, match=edge.MatchAny(list(values)))

    def words(self, key: str, text: str) -> Condition:
        return edge.FieldCondition(key, match=edge.MatchText(text))

    def numbers(self, key: str, bounds: dict[Bound, float]) -> Condition:
        return edge.FieldCondition(key, range=edge.RangeFloat(**bounds))

    def moments(self, key: str, bounds: dict[Bound, str]) -> Condition:
        return edge.FieldCondition(key, range=edge.RangeDateTime(**bounds))

    def ids(self, ids: Sequence[str]) -> Condition:
        return edge.HasIdCondition(set(ids))

    def every(self, parts: Sequence[Condition]) -> Condition:
        return edge.Filter(must=list(parts))

    def some(self, parts: Sequence[Condition]) -> Condition:
        return edge.Filter(should=list(parts))

    def neither(self, parts: Sequence[Condition]) -> Condition:
        return edge.Filter(must_not=list(parts))

    def near(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        query = edge.Query.Nearest(edge_vector(vector), leg)
        return edge.Prefetch(limit, query, params=self._params, filter=condition)

    def ordered(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        return edge.Prefetch(limit, query, list(prefetches))

    def rrf(self, k: int) -> Query:
        return edge.Fusion.Rrf(k)

    def dbsf(self) -> Query:
        return edge.Fusion.Dbsf()

    def weighted(self, weights: Sequence[float]) -> Query:
        names = [f"$score[{place}]" for place in range(len(weights))]
        terms = [
            edge.Expression.Mult([edge.Expression.Constant(weight), edge.Expression.Variable(name)])
            for weight, name in zip(weights, names, strict=True)
        ]
        return edge.Formula(edge.Expression.Sum(terms), dict.fromkeys(names, 0.0))

    def answer(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        return edge.QueryRequest(limit, query=query, prefetches=list(prefetches), with_payload=True)

    def scores(self, leg: str, vector: Vector, limit: int, condition: Condition | None, *, exact: bool) -> Request:
        query = edge.Query.Nearest(edge_vector(vector), leg)
        params = self._exact if exact else self._params
        return edge.QueryRequest(limit, query=query, filter=condition, params=params)

    def alone(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        query = edge.Query.Nearest(edge_vector(vector), leg)
        return edge.QueryRequest(limit, query=query, filter=condition, params=self._params, with_payload=True)

    def payloads(self, condition: Condition, limit: int) -> Request:
        return edge.QueryRequest(limit, filter=condition, with_payload=True)
