"""The section `licences`: which licences the parts of a recipe may have, and what a person has found out about some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .tree import Value

FORM = "must be a list of SPDX ids, e.g. [Apache-2.0, MIT, {NAME: MIT}]"


@dataclass(frozen=True)
class Licences:
    """allowed: SPDX ids. stated: the licence of a model or package that does not say it itself, by its name."""

    allowed: tuple[str, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wrong:
    """What is wrong in the section, and at which value."""

    value: Value
    where: str
    what: str


def read(section: Value) -> Iterator[str | tuple[str, str] | Wrong]:
    """Give every allowed id, every pair of a name and its licence, and whatever is wrong."""
    if not isinstance(section.data, list):
        yield Wrong(section, "licences", FORM)
        return
    for place, value in enumerate(section.data):
        where = f"licences[{place}]"
        if isinstance(value.data, dict):
            for name, licence in value.data.items():
                yield from ((name, part) if isinstance(part, str) else part for part in _id(licence, f"{where}.{name}"))
        else:
            yield from _id(value, where)


def _id(value: Value, where: str) -> Iterator[str | Wrong]:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        yield str(canonicalize_license_expression(str(value.data)))
    except InvalidLicenseExpression:
        yield Wrong(value, where, f"'{value.plain()}' is no SPDX id such as Apache-2.0, MIT or BSD-3-Clause")
