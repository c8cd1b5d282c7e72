"""The parts of Qdrant's query language that we use, said once; the engine and the client have classes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

from imagora.stages import SparseVector, Vector

Condition: TypeAlias = Any
"""A condition of either library: a Filter, a FieldCondition or a HasIdCondition."""
Query: TypeAlias = Any
"""What puts prefetched points in an order: a fusion or a formula."""
Request: TypeAlias = Any
"""A whole query of either library, or a prefetch in one."""
Bound: TypeAlias = Literal["gt", "gte", "lt", "lte"]


def plain_vector(stored: Any) -> Vector:
    """Give a stored vector of either library as ours."""
    if hasattr(stored, "indices"):
        return SparseVector(tuple(stored.indices), tuple(stored.values))
    return [float(number) for number in stored]


class Point(Protocol):
    """A found point of either library; its id prints as a UUID."""

    @property
    def id(self) -> Any: ...
    @property
    def score(self) -> float: ...
    @property
    def payload(self) -> dict[str, Any] | None: ...


class Dialect(Protocol):
    """How one library writes conditions, prefetches and queries.

    quantized: the index keeps vectors small besides, and a search of the graph may give scores of those.
    """

    quantized: bool

    def value(self, key: str, value: str | int) -> Condition:
        """The field has this value, or a list with it."""

    def any_value(self, key: str, values: Sequence[str]) -> Condition:
        """The field has one of these values."""

    def words(self, key: str, text: str) -> Condition:
        """The field has all the words of this text."""

    def numbers(self, key: str, bounds: dict[Bound, float]) -> Condition:
        """The field is a number within bounds."""

    def moments(self, key: str, bounds: dict[Bound, str]) -> Condition:
        """The field is a moment within bounds, which are ISO 8601; ValueError where one is not."""

    def ids(self, ids: Sequence[str]) -> Condition:
        """The point is one of these."""

    def every(self, parts: Sequence[Condition]) -> Condition:
        """All parts hold; for no parts, always."""

    def some(self, parts: Sequence[Condition]) -> Condition:
        """At least one part holds; there must be parts."""

    def neither(self, parts: Sequence[Condition]) -> Condition:
        """No part holds."""

    def near(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        """Prefetch a leg's nearest points."""

    def ordered(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        """Prefetch what a query makes of other prefetches."""

    def rrf(self, k: int) -> Query:
        """Fuse by sum of 1 / (k + rank)."""

    def dbsf(self) -> Query:
        """Fuse by sum of scores normalised by the mean and three standard deviations."""

    def weighted(self, weights: Sequence[float]) -> Query:
        """Fuse by weighted sum of the prefetches' scores, 0 where a point is not in a prefetch."""

    def answer(self, query: Query, prefetches: Sequence[Request], limit: int) -> Request:
        """Ask for points with their payloads, in a query's order."""

    def scores(self, leg: str, vector: Vector, limit: int, condition: Condition | None, *, exact: bool) -> Request:
        """Ask for a leg's nearest points without payloads; exact: no graph, no quantized vectors."""

    def alone(self, leg: str, vector: Vector, limit: int, condition: Condition | None) -> Request:
        """Ask for a leg's nearest points with their payloads."""

    def payloads(self, condition: Condition, limit: int) -> Request:
        """Ask for points with their payloads, in no order."""
