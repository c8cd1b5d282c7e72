"""Conditions and queries in the classes of the server's client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagora.stages import SparseVector, Vector
from qdrant_client import models

from .dialect import Bound, Condition, Query, Request
from .options import QdrantOptions


def client_vector(vector: Vector) -> Any:
    """Give a vector as the client takes it."""
    if isinstance(vector, SparseVector):
        return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
    return vector if isinstance(vector, list) else list(vector)


class ClientDialect:
    """The dialect of qdrant_client; options: how approximate searches look."""

    def __init__(self, options: QdrantOptions) -> None:
        self.quantized = options.quantization != "none"
        quantised = models.QuantizationSearchParams(rescore=options.rescore, oversampling=options.oversampling)
        self._params = models.SearchParams(hnsw_ef=options.hnsw.ef, quantization=quantised)
        self._exact = models.SearchParams(exact=True, quantization=models.QuantizationSearchParams(ignore=True))

    def value(self, key: str, value: str | int) -> Condition:
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))

    def any_value(self, key: str, values: Sequence[str]) -> Condition:
        return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))

    def words(self, key: str, text: str) -> Condition:
        return models.FieldCondition(key=key, match=models.MatchText(text=text))

    def numbers(self, key: str, bounds: dict[Bound, float]) -> Condition:
        return models.FieldCondition(key=key, range=models.Range.model_validate(bounds))

    def moments(self, key: str, bounds: dict[Bound, str]) -> Condition:
        return models.FieldCondition(key=key, range=models.DatetimeRange.model_validate(bounds))

    def ids(self, ids: Sequence[str]) -> Condition:
        return models.HasIdCondition(has_id=list(ids))

    def every(self, parts: Sequence[Condition]) -> Condition:
        return models.Filter(must=list(parts))

    def some(self, parts: Sequence[Condition]) -> Condition:
        return models.Filter(should=list(parts))

    def neither(self, parts: Sequence[Condition]) -> Condition:
        return models.Filter(must_not=list(parts))

    def near(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        return models.Prefetch(
            query=client_vector(vector), using=leg, limit=limit, filter=condition, params=self._params
        )

    def ordered(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        return models.Prefetch(query=query, prefetch=list(prefetches), limit=limit)

    def rrf(self, k: int) -> Query:
        return models.RrfQuery(rrf=models.Rrf(k=k))

    def dbsf(self) -> Query:
        return models.FusionQuery(fusion=models.Fusion.DBSF)

    def weighted(self, weights: Sequence[float]) -> Query:
        names = [f"$score[{place}]" for place in range(len(weights))]
        terms = [models.MultExpression(mult=[weight, name]) for weight, name in zip(weights, names, strict=True)]
        return models.FormulaQuery(formula=models.SumExpression(sum=list(terms)), defaults=dict.fromkeys(names, 0.0))

    def answer(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        return models.QueryRequest(query=query, prefetch=list(prefetches), limit=limit, with_payload=True)

    def scores(self, leg: str, vector: Vector, limit: int, condition: Condition | None, *, exact: bool) -> Request:
        params = self._exact if exact else self._params
        return models.QueryRequest(
            query=client_vector(vector), using=leg, limit=limit, filter=condition, params=params, with_payload=False
        )

    def alone(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        query = client_vector(vector)
        return models.QueryRequest(
            query=query, using=leg, limit=limit, filter=condition, params=self._params, with_payload=True
        )

    def payloads(self, condition: Condition, limit: int) -> Request:
        return models.QueryRequest(filter=condition, limit=limit, with_payload=True)
