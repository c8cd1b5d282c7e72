"""Lays one tree over another: mappings are merged, a list is replaced or patched by name, all else is replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from imagora.errors import Problem, RecipeError, did_you_mean

from .sections import holds_a_list
from .tree import Value

_PLACE = re.compile(r"\[(\d+)\]")


def merged(layers: Sequence[Value]) -> Value:
    """Lay every tree over the ones before it; raise RecipeError with every patch that meets nothing.

    A mapping that names another component with `use` replaces the whole mapping: another component's options would
    make no sense. A null takes away. What is replaced stays known, as `over` of what replaces it.
    """
    merging = _Merging()
    tree: Value | None = None
    for layer in layers:
        tree = merging.lay(tree, layer, ())
    if merging.problems:
        raise RecipeError(merging.problems)
    assert tree is not None  # noqa: S101 - there is a recipe
    return tree


class _Merging:
    """Lays trees over each other and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def lay(self, below: Value | None, above: Value, path: tuple[str, ...]) -> Value:
        if not isinstance(above.data, dict):
            return replace(above, over=below)
        if (listed := _patched(below, above.data, path)) is not None:
            return replace(above, data=_Patch(self, listed, path).apply(above.data))
        under = below.data if below is not None and isinstance(below.data, dict) else {}
        if _other_component(under, above.data):
            under = {name: value for name, value in under.items() if name == "use"}
        data = {**under}
        for name, value in above.data.items():
            data[name] = self.lay(under.get(name), value, (*path, name))
        return replace(above, data=data, over=None if under else below)


def _other_component(below: dict[str, Value], above: dict[str, Value]) -> bool:
    return "use" in above and ("use" not in below or above["use"].data != below["use"].data)


def _patched(below: Value | None, above: dict[str, Value], path: tuple[str, ...]) -> list[Value] | None:
    """Give the list that a mapping patches, None where it is no patch of a list."""
    if "use" in above:
        return None
    if below is not None and isinstance(below.data, list):
        names = [_name(entry) for entry in below.data]
        return below.data if holds_a_list(path) or (names and all(names)) else None
    nothing = below is None or below.data is None
    return [] if nothing and above and holds_a_list(path) and all(key[0] in "+-" for key in above if key) else None


def _name(entry: Value) -> str:
    use = entry.data.get("use") if isinstance(entry.data, dict) else None
    return use.data if use is not None and isinstance(use.data, str) else ""


class _Patch:
    """Changes one list of components: `name` and `[0]` change an entry, `-name` takes away, `+name` adds at the end."""

    def __init__(self, merging: _Merging, entries: Sequence[Value], path: tuple[str, ...]) -> None:
        self.merging = merging
        self.path = path
        self.entries: list[Value | None] = list(entries)
        self.names = [_name(entry) for entry in entries]

    def apply(self, patch: dict[str, Value]) -> list[Value]:
        for key, value in patch.items():
            if not key.startswith("+"):
                self._change(key, value)
        kept = [entry for entry in self.entries if entry is not None]
        there = {_name(entry) for entry in kept}
        added = [self._added(key, value, there) for key, value in patch.items() if key.startswith("+")]
        return [*kept, *(entry for entry in added if entry is not None)]

    def _change(self, key: str, value: Value) -> None:
        away = key.startswith("-")
        at = self._found(key, value, away=away)
        if away and value.data is not None:
            self._wrong(key, value, f"what is taken away has no options; write '{key}:' with nothing behind it")
        elif away or value.data is None:
            for place in at:
                self.entries[place] = None
        elif not isinstance(value.data, dict):
            self._wrong(key, value, "must be a mapping of the options that change")
        elif len(at) > 1:
            self._wrong(key, value, f"'{key}' is in the list {len(at)} times; say which one by its place, e.g. '[0]'")
        else:
            for place in at:
                self.entries[place] = self.merging.lay(self.entries[place], value, (*self.path, key))

    def _found(self, key: str, value: Value, *, away: bool) -> list[int]:
        if match := _PLACE.fullmatch(key):
            place = int(match[1])
            if place < len(self.entries):
                return [place]
            self._wrong(key, value, f"there is no entry {key} in the list, which has {len(self.entries)}")
            return []
        name = key[1:] if away else key
        at = [place for place, there in enumerate(self.names) if there == name]
        if not at:
            guess = did_you_mean(name, {there for there in self.names if there})
            add = "" if away else f"; to add it, write '+{name}'"
            self._wrong(
                key, value, f"there is no '{name}' in the list to {'take away' if away else 'change'}{guess}{add}"
            )
        return at

    def _added(self, key: str, value: Value, there: set[str]) -> Value | None:
        name = key[1:]
        if name in there:
            what = (
                f"there is a '{name}' in the list already; change it as '{name}', or write the whole list to have two"
            )
        elif not isinstance(value.data, dict | None):
            what = f"must be the options of '{name}', a mapping or nothing"
        elif isinstance(value.data, dict) and "use" in value.data and value.data["use"].data != name:
            what = "the key names the component; leave 'use' out"
        else:
            options = self.merging.lay(None, value, (*self.path, key)).data
            use = Value(name, value.key, value.key)
            mark = value.mark if value.data is not None else value.key
            return Value({"use": use, **(options if isinstance(options, dict) else {})}, mark, value.key)
        self._wrong(key, value, what)
        return None

    def _wrong(self, key: str, value: Value, what: str) -> None:
        self.merging.problems.append(value.key.problem("IMG-223", ".".join((*self.path, key)), what))
