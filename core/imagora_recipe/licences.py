"""The section `licences`: which licences the parts of a recipe may have, and what a person has found out about some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .tree import Value


@dataclass(frozen=True)
class Licences:
    """allowed: SPDX ids. stated: the licence of a model or package that does not say it itself, by its name."""

    allowed: tuple[str, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)


def read(section: Value, wrong: Callable[[Value, str, str], None]) -> Licences:
    """Read the section; `wrong` is told what is wrong in it, at which value."""
    allowed, stated = list[str](), dict[str, str]()
    if not isinstance(section.data, list):
        wrong(section, "licences", "must be a list of SPDX ids, e.g. [Apache-2.0, MIT, {NAME: MIT}]")
        return Licences()
    for place, value in enumerate(section.data):
        where = f"licences[{place}]"
        if isinstance(value.data, dict):
            stated |= {name: _id(licence, f"{where}.{name}", wrong) for name, licence in value.data.items()}
        else:
            allowed.append(_id(value, where, wrong))
    return Licences(tuple(allowed), stated)


def _id(value: Value, where: str, wrong: Callable[[Value, str, str], None]) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(str(value.data)))
    except InvalidLicenseExpression:
        wrong(value, where, f"'{value.plain()}' is no SPDX id such as Apache-2.0, MIT or BSD-3-Clause")
        return ""
