"""What differs between two recipes: one change for each option, component and order of a list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from .said import Said

NOTHING = object()
"""Stands for what is not there, for None is a value."""


@dataclass(frozen=True)
class Change:
    """One difference: where it is, and what was and is there; a component that comes or goes is one change.

    place: the path of keys in the recipe that has it, the second one's where both have; steps: the same, in parts.
    order: the same components stand in another order.
    """

    steps: tuple[str | int, ...]
    before: Any
    after: Any
    order: bool = False

    @property
    def place(self) -> str:
        """The path of keys, as errors in recipes have it."""
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)
        return dotted.removeprefix(".")


def changes(before: Said, after: Said) -> list[Change]:
    """Compare what two plans say."""
    return list(_mapping((), before, after))


def _mapping(steps: tuple[str | int, ...], before: Said, after: Said) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        yield from _value((*steps, key), before.get(key, NOTHING), after.get(key, NOTHING))


def _value(steps: tuple[str | int, ...], before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if _is_components(before, after):
        yield from _components(steps, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping) and before.get("use") == after.get("use"):
        yield from _mapping(steps, dict(before), dict(after))
    else:
        yield Change(steps, before, after)


def _is_components(before: Any, after: Any) -> bool:
    listed = [value for value in (before, after) if value is not NOTHING]
    return all(isinstance(value, list) and all(_is_component(part) for part in value) for value in listed)


def _is_component(value: Any) -> bool:
    return isinstance(value, Mapping) and "use" in value


def _components(steps: tuple[str | int, ...], before: Any, after: Any) -> Iterator[Change]:
    old: list[Any] = [] if before is NOTHING else before
    new: list[Any] = [] if after is NOTHING else after
    if len(old) == len(new) and all(part in new for part in old) and all(part in old for part in new):
        yield Change(steps, [part["use"] for part in old], [part["use"] for part in new], order=True)
        return
    whole = [json.dumps(part, sort_keys=True) for part in old], [json.dumps(part, sort_keys=True) for part in new]
    for (start, end), (begin, stop) in _unlike(*whole):
        names = [part["use"] for part in old[start:end]], [part["use"] for part in new[begin:stop]]
        pairs = _paired(list(range(start, end)), list(range(begin, stop)), *names)
        for was, now in pairs:
            there = NOTHING if was is None else old[was], NOTHING if now is None else new[now]
            yield from _value((*steps, int((was if now is None else now) or 0)), *there)


def _unlike(old: list[str], new: list[str]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for tag, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield (start, end), (begin, stop)


def _paired(old: list[int], new: list[int], were: list[str], are: list[str]) -> Iterator[tuple[int | None, int | None]]:
    """Pair the places of components of one name, and then whatever else stands in between."""
    for _, start, end, begin, stop in SequenceMatcher(None, were, are, autojunk=False).get_opcodes():
        yield from zip_longest(old[start:end], new[begin:stop])
