"""The sparse leg: an exact search of the catalogue's own, for few of LlamaIndex's stores have one.

A term's rarity is that of BM25, ln(1 + (n - d + 0.5) / (d + 0.5)), where d of the n entries with a sparse vector have
it; so does Qdrant, and Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). A
search reads every weight of every term of the query: a word that all of a million entries have takes a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from imagora.stages import SparseVector

from .catalogue import Catalogue
from .conditions import Condition

_MOST_TERMS = 10_000


def best_by_terms(
    catalogue: Catalogue, leg: str, vector: SparseVector, limit: int, condition: Condition | None
) -> list[tuple[int, float]]:
    """Give the numbers with the highest scores, best first."""
    within = (f"AND {condition.sql}", condition.values) if condition else ("", ())
    return _scored(catalogue, leg, vector, within, limit)


def scores_by_terms(
    catalogue: Catalogue, leg: str, vector: SparseVector, numbers: Sequence[int]
) -> list[tuple[int, float]]:
    """Give the scores of those of the numbers that have a term of the query."""
    within = f"AND number IN ({','.join('?' * len(numbers))})", tuple(numbers)
    return _scored(catalogue, leg, vector, within, len(numbers))


def _scored(
    catalogue: Catalogue, leg: str, vector: SparseVector, within: tuple[str, tuple[object, ...]], limit: int
) -> list[tuple[int, float]]:
    terms, weights = vector.indices[:_MOST_TERMS], vector.values
    sums: dict[int, float] = {}
    entries, rows = catalogue.count_of(leg), catalogue.connection.rows
    for term, weight in zip(terms, weights, strict=False):
        having = rows("SELECT count(*) FROM sparse WHERE leg = ? AND term = ?", (leg, term))[0][0]
        rarity = weight * math.log1p((entries - having + 0.5) / (having + 0.5))
        asked = f"SELECT number, weight FROM sparse WHERE leg = ? AND term = ? {within[0]}"
        for number, kept in rows(asked, (leg, term, *within[1])):
            sums[number] = sums.get(number, 0.0) + rarity * kept
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
