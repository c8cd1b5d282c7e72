"""The dense legs: the store proposes, the catalogue scores, and what is missing is looked for exactly."""

from __future__ import annotations

import heapq

from .behind import waiting
from .catalogue import Catalogue
from .conditions import EVERYTHING, Condition
from .neighbours import Neighbours
from .vectors import Matrix, scores, unpacked

_FEW = 5_000
_PAGE = 5_000
_TRIES = 3


def best_by_vector(
    catalogue: Catalogue, neighbours: Neighbours, vector: Matrix, limit: int, condition: Condition | None
) -> list[tuple[int, float]]:
    """Give the numbers with the highest scores among those that a condition lets pass, best first.

    Where few pass, all of them are scored. Else the store is asked for more until enough of what it proposes passes;
    and where it knows no more, or gives no more at a time, all that pass are scored. So a filter never makes
    a result shorter, and an approximate store is only ever approximate in what it finds near.
    """
    leg, within = neighbours.leg, condition or EVERYTHING
    there = catalogue.count_of(leg)
    passing = there if condition is None else catalogue.count_of(leg, within)
    enough = min(limit, passing)
    if not enough:
        return []
    if condition is not None and passing <= _FEW:
        return _of_all(catalogue, leg, vector, limit, within)
    ask = max(enough, int(1.3 * enough * there / passing))
    for _ in range(_TRIES):
        if ask > neighbours.most:
            break
        behind = waiting(catalogue, leg) if neighbours.keeps else []
        found = _of_these(catalogue, leg, vector, [*neighbours.near(vector, ask), *behind], within)
        if len(found) >= enough:
            return found[:limit]
        ask *= 4
    return _of_all(catalogue, leg, vector, limit, within)


def scores_by_vector(catalogue: Catalogue, leg: str, vector: Matrix, numbers: list[int]) -> list[tuple[int, float]]:
    """Give the scores of those of the numbers that have a vector on the leg."""
    there, stored = catalogue.dense(leg, numbers)
    return list(zip(there, scores(vector, stored), strict=True))


def _of_these(
    catalogue: Catalogue, leg: str, vector: Matrix, numbers: list[int], within: Condition
) -> list[tuple[int, float]]:
    there, stored = catalogue.dense(leg, numbers, within)
    return sorted(zip(there, scores(vector, stored), strict=True), key=_best)


def _of_all(catalogue: Catalogue, leg: str, vector: Matrix, limit: int, within: Condition) -> list[tuple[int, float]]:
    best: list[tuple[int, float]] = []
    last = 0
    while page := catalogue.page_of_dense(leg, last, _PAGE, within):
        numbers = [number for number, _ in page]
        scored = zip(numbers, scores(vector, unpacked([blob for _, blob in page])), strict=True)
        best = heapq.nsmallest(limit, [*best, *scored], key=_best)
        last = numbers[-1]
    return best


def _best(pair: tuple[int, float]) -> tuple[float, int]:
    return -pair[1], pair[0]
