"""A recipe's YAML as a tree in which every value knows the file, line and column it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from imagora.errors import Problem, RecipeError

Scalar: TypeAlias = "str | int | float | bool | None"
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

_PLAIN_TAGS = {"null", "bool", "int", "float", "str", "timestamp", "seq", "map"}
MAX_DEPTH = 32
MAX_VALUES = 5_000
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def problem(self, where: str, what: str) -> Problem:
        """Say what is wrong at this place."""
        return Problem(self.file, self.line, self.column, where, what)


@dataclass(frozen=True)
class Value:
    """A value and its place; `key` is the place of its key in a mapping. secret: it came from the environment."""

    data: Scalar | list[Value] | dict[str, Value]
    mark: Mark
    key: Mark
    secret: bool = False

    def plain(self) -> Plain:
        """Give the value without places, as pydantic takes it."""
        if isinstance(self.data, dict):
            return {name: value.plain() for name, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    def at(self, path: tuple[str | int, ...]) -> Value:
        """Give the value at a path of keys and positions, or the nearest one above it that is there."""
        here = self
        for step in path:
            inner = dict(enumerate(here.data)) if isinstance(here.data, list) else here.data
            if isinstance(inner, dict) and step in inner:
                here = inner[step]  # type: ignore[index]  # a list's keys are numbers, a mapping's are words
        return here


def read(path: Path) -> Value:
    """Read a recipe file; raise RecipeError with every problem of its form.

    Bounds that no real recipe meets keep hostile files harmless: nesting, size, and values after aliases are followed.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(
            [Problem(str(path), 1, 1, "", f"cannot be read: {(error.strerror or '').lower()}")]
        ) from error
    if len(content) > MAX_BYTES:
        raise RecipeError([Problem(str(path), 1, 1, "", f"is larger than a recipe may be ({MAX_BYTES:,} bytes)")])
    try:
        return parse(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise RecipeError([Problem(str(path), 1, 1, "", f"is not UTF-8 text (byte {error.start})")]) from error


def parse(text: str, file: str) -> Value:
    """Parse a recipe's text; `file` is the name that places carry."""
    try:
        _check_depth(text, file)
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file)
        raise RecipeError([place.problem("", f"is not YAML: {error.problem or error.context}")]) from error
    except YAMLError as error:
        raise RecipeError([Problem(file, 1, 1, "", f"is not YAML: {str(error).splitlines()[0]}")]) from error
    if node is None:
        raise RecipeError([Problem(file, 1, 1, "", "is empty; a recipe begins with: recipe: 1")])
    builder = _Builder(file)
    value = builder.build(node, "", _mark(file, node))
    if builder.problems:
        raise RecipeError(builder.problems)
    return value


def _check_depth(text: str, file: str) -> None:
    # Events come from a state machine; composing them recurses, so the depth is looked at first.
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            place = Mark(file, event.start_mark.line + 1, event.start_mark.column + 1)
            raise RecipeError([place.problem("", f"is nested deeper than {MAX_DEPTH} levels")])


class _Builder:
    """Turns YAML nodes into values, counting them, and collects what is wrong on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.left = MAX_VALUES
        self.depth = 0
        self.scalars = SafeConstructor(loader=YAML(typ="safe", pure=True))

    def build(self, node: Node, where: str, key: Mark) -> Value:
        mark = _mark(self.file, node)
        self.left -= 1
        if self.left < 0 or self.depth > MAX_DEPTH:
            what = f"has more than {MAX_VALUES:,} values or {MAX_DEPTH} levels after its aliases are followed"
            raise RecipeError([*self.problems, mark.problem(where[:80], what)])
        self.depth += 1
        try:
            return self._value(node, where, mark, key)
        finally:
            self.depth -= 1

    def _value(self, node: Node, where: str, mark: Mark, key: Mark) -> Value:
        if str(node.tag).removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
            self.problems.append(mark.problem(where, f"the tag '{node.tag}' is not allowed; a recipe is plain YAML"))
            return Value(None, mark, key)
        if isinstance(node, MappingNode):
            return Value(dict(self._pairs(node, where)), mark, key)
        if isinstance(node, SequenceNode):
            values = [self.build(v, f"{where}[{i}]", _mark(self.file, v)) for i, v in enumerate(node.value)]
            return Value(values, mark, key)
        return Value(self._scalar(node, where, mark) if isinstance(node, ScalarNode) else None, mark, key)

    def _pairs(self, node: MappingNode, where: str) -> Iterator[tuple[str, Value]]:
        seen: dict[str, Mark] = {}
        for key_node, value_node in node.value:
            mark = _mark(self.file, key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(mark.problem(where, "a key must be a word"))
                continue
            key = str(key_node.value)
            here = f"{where}.{key}" if where else key
            if key in seen:
                self.problems.append(mark.problem(here, f"is there twice; the first is in line {seen[key].line}"))
            seen[key] = mark
            yield key, self.build(value_node, here, mark)

    def _scalar(self, node: ScalarNode, where: str, mark: Mark) -> Scalar:
        try:
            data = self.scalars.construct_object(node)
            str(node.value).encode()  # an escape may have made half of a character
        except (ConstructorError, ValueError, OverflowError) as error:
            what = f"{ascii(node.value)[:60]} cannot be read: {str(error).splitlines()[0][:80]}"
            self.problems.append(mark.problem(where, what))
            return None
        # Dates are not options of anything: their text is what was meant.
        return data if isinstance(data, str | int | float | bool | None) else str(node.value)


def _mark(file: str, node: Node) -> Mark:
    return Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)


def replaced(value: Value, data: Scalar, *, secret: bool) -> Value:
    """Give the value with other data in the same place."""
    return replace(value, data=data, secret=secret)
