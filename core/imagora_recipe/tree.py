"""A recipe's YAML as a tree in which every value knows the file, line and column it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from imagora.errors import Problem, RecipeError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Scalar: TypeAlias = "str | int | float | bool | None"
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

_PLAIN_TAGS = {"null", "bool", "int", "float", "str", "timestamp", "seq", "map"}
_SECRET = re.compile(r"key|token|secret|passw|passphrase|credential", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=(?:key|ken|ret|ord)=)[^&\s]+", re.IGNORECASE)
MASK = "********"
MAX_DEPTH = 32
MAX_VALUES = 5_000
MAX_BYTES = 200_000


@dataclass(frozen=True)
class Mark:
    """A place in a file; line and column count from 1, and are 0 for `--set`. by: the profile, where one says it."""

    file: str
    line: int = 1
    column: int = 1
    by: str = ""

    def problem(self, code: str, where: str, what: str) -> Problem:
        """Say what is wrong at this place; the code is one of imagora/codes.toml."""
        return Problem(self.file, self.line, self.column, where, what, code)


@dataclass(frozen=True)
class Value:
    """A value and its place; `key` is the place of its key in a mapping. secret: it came from the environment.

    over: the value of a parent, or of what else was below, in whose place it stands.
    """

    data: Scalar | list[Value] | dict[str, Value]
    mark: Mark
    key: Mark
    secret: bool = False
    over: Value | None = field(default=None, repr=False, compare=False)

    def plain(self) -> Plain:
        """Give the value without places, as pydantic takes it."""
        if isinstance(self.data, dict):
            return {name: value.plain() for name, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    def at(self, path: tuple[str | int, ...]) -> Value:
        """Give the value at a path of keys and positions, or the nearest one above it that is there."""
        return self._walk(path)[0]

    def reached(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Give the steps of a path that are there."""
        return self._walk(path)[1]

    def secrets(self) -> Iterator[str]:
        """Give every value in it that came from the environment or stands under the name of a secret."""
        yield from (str(part.data) for part in self._leaves(hidden=False) if part.data)

    def _leaves(self, *, hidden: bool) -> Iterator[Value]:
        if isinstance(self.data, dict):
            for name, part in self.data.items():
                yield from part._leaves(hidden=hidden or is_secret(name, part.data))
        elif isinstance(self.data, list):
            for part in self.data:
                yield from part._leaves(hidden=hidden)
        elif hidden or self.secret:
            yield self

    def _walk(self, path: tuple[str | int, ...]) -> tuple[Value, tuple[str | int, ...]]:
        here, steps = self, []
        for step in path:
            inner = dict(enumerate(here.data)) if isinstance(here.data, list) else here.data
            if isinstance(inner, dict) and step in inner:
                here = inner[step]  # type: ignore[index]  # a list's keys are numbers, a mapping's are words
                steps.append(step)
        return here, tuple(steps)


def read(path: Path) -> Value:
    """Read a recipe file; raise RecipeError with every problem of its form.

    Bounds that no real recipe meets keep hostile files harmless: nesting, size, and values after aliases are followed.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"cannot be read: {(error.strerror or '').lower()}"
        raise RecipeError([Mark(str(path)).problem("IMG-204", "", what)]) from error
    if len(content) > MAX_BYTES:
        what = f"is larger than a recipe may be ({MAX_BYTES:,} bytes)"
        raise RecipeError([Mark(str(path)).problem("IMG-205", "", what)])
    try:
        return parse(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start}); is it a recipe? if so, save it as UTF-8"
        raise RecipeError([Mark(str(path)).problem("IMG-206", "", what)]) from error


def parse(text: str, file: str) -> Value:
    """Parse a recipe's text; `file` is the name that places carry."""
    try:
        _check_size(text, file)
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # which YAML allows; a warning would go to the terminal
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file)
        raise RecipeError([place.problem("IMG-207", "", f"is not YAML: {_in_words(error)}")]) from error
    except YAMLError as error:
        before = text[: error.position] if isinstance(error, ReaderError) else ""
        place = Mark(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise RecipeError([place.problem("IMG-207", "", f"is not YAML: {str(error).splitlines()[0]}")]) from error
    if node is None:
        raise RecipeError([Mark(file).problem("IMG-208", "", "is empty; a recipe begins with: recipe: 1")])
    builder = _Builder(file)
    value = builder.build(node, "", _mark(file, node))
    if builder.problems:
        raise RecipeError(builder.problems)
    return value


def _in_words(error: MarkedYAMLError) -> str:
    said = str(error.problem or error.context)
    hints = {"<stream end>": "a bracket or a quote is not closed", "'\\t'": "indent with blanks"}
    return said + "".join(f"; {hint}" for sign, hint in hints.items() if sign in said)


def _check_size(text: str, file: str) -> None:
    # Events come one by one from a state machine; composing recurses and takes all, so the bounds are looked at first.
    depth = values = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        values += isinstance(event, NodeEvent)
        if depth > MAX_DEPTH or values > 2 * MAX_VALUES:  # a mapping's keys count here too
            place = Mark(file, event.start_mark.line + 1, event.start_mark.column + 1)
            deep, many = f"is nested deeper than {MAX_DEPTH} levels", f"has more than {MAX_VALUES:,} values"
            raise RecipeError([place.problem("IMG-210", "", deep if depth > MAX_DEPTH else many)])


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
            raise RecipeError([*self.problems, mark.problem("IMG-210", where[:80], what)])
        self.depth += 1
        try:
            return self._value(node, where, mark, key)
        finally:
            self.depth -= 1

    def _value(self, node: Node, where: str, mark: Mark, key: Mark) -> Value:
        if not _is_plain(node):
            self._forbid(node, where, mark)
            return Value(None, mark, key)
        if isinstance(node, MappingNode):
            return Value(dict(self._pairs(node, where)), mark, key)
        if isinstance(node, SequenceNode):
            values = [self.build(v, f"{where}[{i}]", _mark(self.file, v)) for i, v in enumerate(node.value)]
            return Value(values, mark, key)
        return Value(self._scalar(node, where, mark) if isinstance(node, ScalarNode) else None, mark, key)

    def _forbid(self, node: Node, where: str, mark: Mark) -> None:
        what = f"the tag '{str(node.tag)[:80]}' is not allowed; a recipe is plain YAML, so leave it out"
        self.problems.append(mark.problem("IMG-211", where, what))

    def _pairs(self, node: MappingNode, where: str) -> Iterator[tuple[str, Value]]:
        seen: dict[str, Mark] = {}
        for key_node, value_node in node.value:
            mark = _mark(self.file, key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(mark.problem("IMG-212", where, "a key must be a word"))
                continue
            if not _is_plain(key_node) and key_node.value != "<<":  # a merge key is told as the word that it is
                self._forbid(key_node, where, mark)
                continue
            key = str(key_node.value)
            here = f"{where}.{key}" if where else key
            if key in seen:
                what = f"is there twice; the first is in line {seen[key].line}"
                self.problems.append(mark.problem("IMG-213", here, what))
            seen.setdefault(key, mark)
            yield key, self.build(value_node, here, mark)

    def _scalar(self, node: ScalarNode, where: str, mark: Mark) -> Scalar:
        try:
            data = self.scalars.construct_object(node)
            str(node.value).encode()  # an escape may have made half of a character
        except (ConstructorError, LookupError, ValueError, OverflowError) as error:  # LookupError: !!bool maybe
            why = str(error) or type(error).__name__
            what = f"{ascii(node.value)[:60]} cannot be read: {why.splitlines()[0][:80]}"
            self.problems.append(mark.problem("IMG-214", where, what))
            return None
        # Dates are not options of anything: their text is what was meant.
        return data if isinstance(data, str | int | float | bool | None) else str(node.value)


def _mark(file: str, node: Node) -> Mark:
    return Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)


def is_secret(name: str, data: object) -> bool:
    """Say whether a value under this name is not to be printed; `max_tokens: 512` is no secret."""
    return bool(_SECRET.search(name)) and not (isinstance(data, int | float) and name.lower().endswith("tokens"))


def without_passwords(text: str) -> str:
    """Mask what a URL carries before its host, and its keys and passwords after the question mark."""
    return _IN_URL.sub(MASK, text)


def masked(said: object, secrets: Iterable[str]) -> str:
    """Give a text without the secrets that it may quote; shorter ones than four signs would garble it."""
    text = str(said)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK) if len(secret) > 3 else text  # noqa: PLR2004 - as the first line says
    return without_passwords(text)


def _is_plain(node: Node) -> bool:
    return str(node.tag).removeprefix("tag:yaml.org,2002:") in _PLAIN_TAGS


def replaced(value: Value, data: Scalar, *, secret: bool) -> Value:
    """Give the value with other data in the same place."""
    return replace(value, data=data, secret=secret)
