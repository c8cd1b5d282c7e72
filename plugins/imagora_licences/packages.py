"""Which distributions a recipe needs: those of its components, and all that they require, by their metadata."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(wanted: Iterable[tuple[str, frozenset[str]]]) -> dict[str, Distribution | None]:
    """Give every distribution by name that these, with their extras, require; None for one that is not installed."""
    found: dict[str, Distribution | None] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(name), extras) for name, extras in wanted]
    while waiting:
        name, extras = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            found.setdefault(name, None)
            continue
        for line in found[name].requires or ():  # type: ignore[union-attr]  # it was just found
            requirement = Requirement(line)
            environments = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if requirement.marker is None or any(requirement.marker.evaluate(one) for one in environments):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return dict(sorted(found.items()))


def distributions_of(packages: Iterable[str]) -> set[str]:
    """Give the distributions that bring these import packages."""
    known = packages_distributions()
    return {name for package in packages for name in known.get(package.partition(".")[0], ())}
