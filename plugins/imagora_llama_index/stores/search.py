"""From a request to hits: candidates of every leg query, fused, with the raw score on every leg beside."""

from __future__ import annotations

from collections.abc import Mapping

from imagora.stages import Hit, LegQuery, SearchRequest, SparseVector

from .catalogue import Catalogue
from .conditions import EVERYTHING, Condition, condition_of
from .fusion import fused
from .nearest import best_by_vector, scores_by_vector
from .neighbours import Neighbours
from .terms import best_by_terms, scores_by_terms
from .vectors import Matrix, direction


def search(catalogue: Catalogue, stores: Mapping[str, Neighbours], request: SearchRequest) -> list[Hit]:
    """Find the best entries, best first."""
    asked = [leg for leg in request.legs if not (isinstance(leg.vector, SparseVector) and not leg.vector.indices)]
    condition = None if request.filter is None else condition_of(request.filter)
    found = [(leg.weight, _candidates(catalogue, stores, leg, request.candidates, condition)) for leg in asked]
    best = fused(request, found)
    numbers = [number for number, _ in best]
    raw: dict[int, dict[str, float]] = {number: {} for number in numbers}
    for leg in asked if numbers else ():
        for number, score in _scores(catalogue, leg, numbers):
            raw[number][leg.name] = score
    told = catalogue.told(numbers, condition or EVERYTHING)
    return [Hit(told[n][0], score, raw[n], told[n][1]) for n, score in best if n in told]


def _candidates(
    catalogue: Catalogue,
    stores: Mapping[str, Neighbours],
    leg: LegQuery,
    limit: int,
    condition: Condition | None,
) -> list[tuple[int, float]]:
    if isinstance(leg.vector, SparseVector):
        return best_by_terms(catalogue, leg.leg, leg.vector, limit, condition)
    return best_by_vector(catalogue, stores[leg.leg], _direction(catalogue, leg), limit, condition)


def _scores(catalogue: Catalogue, leg: LegQuery, numbers: list[int]) -> list[tuple[int, float]]:
    if isinstance(leg.vector, SparseVector):
        return scores_by_terms(catalogue, leg.leg, leg.vector, numbers)
    return scores_by_vector(catalogue, leg.leg, _direction(catalogue, leg), numbers)


def _direction(catalogue: Catalogue, leg: LegQuery) -> Matrix:
    assert not isinstance(leg.vector, SparseVector)  # noqa: S101 - both callers have looked
    return direction(leg.vector, unit=catalogue.legs[leg.leg].metric == "cosine")
