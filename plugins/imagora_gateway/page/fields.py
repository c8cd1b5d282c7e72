"""Filters out of the fields that a recipe's index knows: what the form shows, and the condition that it makes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imagora.errors import QueryError
from imagora.filters import And, Eq, Filter, Ne, Range
from imagora_recipe.plan import Plan

MOST = 24
"""Fields that are shown."""
_FORMS = {"integer": "number", "float": "number", "bool": "choice"}
_LONGEST = 500


@dataclass(frozen=True)
class Field:
    """A field to filter by; form: number (from, to), choice (yes, no) or words (is, is not)."""

    name: str
    form: str
    kind: str


def fields_of(plan: Plan) -> list[Field]:
    """Give the fields that the index is told of, without those that say who may see an item."""
    kinds = getattr(plan.index.options, "fields", None) if plan.index else None
    if not isinstance(kinds, Mapping):
        return []
    hidden = {plan.access.tenant, plan.access.groups}
    shown = [Field(name, _FORMS.get(kind, "words"), kind) for name, kind in kinds.items() if name not in hidden]
    return shown[:MOST]


def filter_of(said: Mapping[str, str], plan: Plan) -> Filter | None:
    """Make the condition of what the form says, None for none; QueryError where a number is none."""
    parts = [part for field in fields_of(plan) for part in _conditions(field, said)]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _conditions(field: Field, said: Mapping[str, str]) -> Iterator[Filter]:
    def given(what: str) -> str:
        return said.get(f"{what}:{field.name}", "").strip()[:_LONGEST]

    if field.form == "number":
        least, most = (_number(field, given(end)) for end in ("from", "to"))
        if least is not None or most is not None:
            yield Range(field.name, gte=least, lte=most)
    elif field.form == "choice":
        if given("is") in {"yes", "no"}:
            yield Eq(field.name, given("is") == "yes")
    else:
        if given("is"):
            yield Eq(field.name, given("is"))
        if given("not"):
            yield Ne(field.name, given("not"))


def _number(field: Field, said: str) -> float | None:
    if not said:
        return None
    try:
        number = float(said.replace(",", ".") if said.count(",") == 1 and "." not in said else said)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise QueryError(f"the filter '{field.name}' needs a number, and '{said[:40]}' is none", code="IMG-504")
    return number
