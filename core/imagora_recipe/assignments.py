"""What `--set index.path=…` says: single values, laid over all that the files say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TypeAlias

from imagora.errors import Problem, RecipeError

from .sections import HEAD
from .tree import Mark, Value, parse

Assignments: TypeAlias = "Sequence[str] | Mapping[str, object]"
"""As the command line has them, `path=value` with the value in YAML, or from Python, values by their paths."""

SET = "--set"
_MARK = Mark(SET, 0, 0)
_STEP = re.compile(r"([^.\[\]]+)|\[\d+\]")
_PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[\d+\])*")


def assigned(said: Assignments | None) -> list[Value]:
    """Give a tree for each assignment, in order; raise RecipeError with every one that is none."""
    problems: list[Problem] = []
    trees: list[Value] = []
    for path, value in _pairs(said or (), problems):
        steps = [match[0] for match in _STEP.finditer(path)]
        if not _PATH.fullmatch(path):
            problems.append(
                _MARK.problem("IMG-226", "", f"'{path}' is no path of keys; write e.g. index.path or rerankers[0].keep")
            )
        elif steps[0] in HEAD:
            problems.append(_MARK.problem("IMG-226", path, f"'{steps[0]}' cannot be set; the file says it"))
        else:
            trees.append(_nested(steps, value))
    if problems:
        raise RecipeError(problems)
    return trees


def _nested(steps: Sequence[str], value: Value) -> Value:
    return Value({steps[0]: _nested(steps[1:], value)}, _MARK, _MARK) if steps else value


def _pairs(said: Assignments, problems: list[Problem]) -> list[tuple[str, Value]]:
    pairs = []
    if isinstance(said, Mapping):
        for path, thing in said.items():
            try:
                pairs.append((path, _value_of(thing)))
            except TypeError as error:
                problems.append(_MARK.problem("IMG-226", path, str(error)))
        return pairs
    for text in said:
        path, sign, value = text.partition("=")
        if not sign:
            what = f"'{text}' sets nothing; write e.g. {SET} index.path=./index"
            problems.append(_MARK.problem("IMG-226", "", what))
            continue
        try:
            pairs.append((path.strip(), _unplaced(parse(value, SET)) if value.strip() else Value(None, _MARK, _MARK)))
        except RecipeError as error:
            problems += [replace(problem, line=0, column=0, where=path.strip()) for problem in error.problems]
    return pairs


def _value_of(thing: object) -> Value:
    if isinstance(thing, Mapping):
        return Value({str(key): _value_of(part) for key, part in thing.items()}, _MARK, _MARK)
    if isinstance(thing, list | tuple):
        return Value([_value_of(part) for part in thing], _MARK, _MARK)
    if isinstance(thing, PurePath):
        return Value(str(thing), _MARK, _MARK)
    if isinstance(thing, str | int | float | None):
        return Value(thing, _MARK, _MARK)
    raise TypeError(f"a recipe holds words, numbers, lists and mappings, and this is a {type(thing).__name__}")


def _unplaced(value: Value) -> Value:
    data = value.data
    if isinstance(data, dict):
        data = {name: _unplaced(part) for name, part in data.items()}
    elif isinstance(data, list):
        data = [_unplaced(part) for part in data]
    return Value(data, _MARK, _MARK)
