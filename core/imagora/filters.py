"""Conditions on an item's metadata, as a small tree that an index translates into its own filter language.

A field is a metadata key. Where an item's value is a list (tags), Eq, In and Ne look at its members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Eq:
    """The field has this value."""

    field: str
    value: Scalar


@dataclass(frozen=True)
class Ne:
    """The field does not have this value; an item without the field passes."""

    field: str
    value: Scalar


@dataclass(frozen=True)
class In:
    """The field has one of these values."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Range:
    """The field is a number within these bounds; None is no bound."""

    field: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True)
class And:
    """Every part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Or:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = Eq | Ne | In | Range | And | Or | Not
