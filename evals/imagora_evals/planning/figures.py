"""A figure of a plan, with the formula that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Section: TypeAlias = Literal["memory", "disk", "nodes", "ingest", "generator", "cost"]
SECTIONS: tuple[Section, ...] = ("memory", "disk", "nodes", "ingest", "generator", "cost")


@dataclass(frozen=True)
class Figure:
    """One line of a plan.

    value: in `unit`, None where it cannot be known; `why` then says what to type. formula: its name in
    docs/planning.md. worked: the formula with the numbers in it. total: a sum of those above it.
    """

    section: Section
    name: str
    value: float | None
    unit: str
    formula: str
    worked: str
    total: bool = False

    def __str__(self) -> str:
        """Give the value with its unit, for people."""
        if self.value is None:
            return "not known"
        if self.unit == "bytes":
            return in_bytes(self.value)
        shown = f"{self.value:,.0f}" if self.value >= 100 or self.value == int(self.value) else f"{self.value:.3g}"  # noqa: PLR2004 - three digits
        return f"{shown} {self.unit}".strip()


def in_bytes(number: float) -> str:
    """Write bytes with the prefix that leaves one to three digits before the point; 1 GB is 10^9 bytes."""
    for prefix in ("", "k", "M", "G"):
        if number < 1000:  # noqa: PLR2004 - the step between prefixes
            return f"{number:.3g} {prefix}B"
        number /= 1000
    return f"{number:,.3g} TB"


def value_of(figures: list[Figure], section: Section) -> float:
    """Give the total of a section, 0 where it has none."""
    return next((one.value or 0.0 for one in figures if one.section == section and one.total), 0.0)
