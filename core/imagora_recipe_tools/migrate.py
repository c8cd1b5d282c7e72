"""Rewrites a recipe of an older version, step by step, and keeps its comments, its order and its quotes.

Version 0 is what recipes were while their form was being found: they said `recipe: 0`, or no version, or wrongly 1.
A step is a function of the whole tree that changes it in place and tells what it did; STEPS has one for each version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, TypeAlias

from imagora.errors import Problem, RecipeError
from imagora_recipe.extends import other_version
from imagora_recipe.sections import VERSION
from imagora_recipe.tree import Mark, parse
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

Step: TypeAlias = "Callable[[CommentedMap, str], Iterator[str]]"

_IN_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ ]*(?:#[^\n]*)?\n(?: *(?:#[^\n]*)?\n)*( *)- ", re.MULTILINE)
_IN_MAPPING = re.compile(r"^( *)[^\s#-][^\n]*:[ ]*(?:#[^\n]*)?\n(?: *(?:#[^\n]*)?\n)*( +)[^\s#-]", re.MULTILINE)


@dataclass(frozen=True)
class Migrated:
    """A recipe's text as it is to be, the version that it had, and what was changed, a sentence each."""

    text: str
    version: int
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Renamed:
    """An option of a component in a list that has another name since."""

    section: str
    use: str
    old: str
    new: str


RENAMED_IN_1 = (Renamed("preparers", "ocr", "engine", "reader"),)


def migrate(text: str, file: str, since: int | None = None) -> Migrated:
    """Give a recipe in the version of today; raise RecipeError where it is no recipe, newer, or cannot be rewritten.

    since: the version that it is of, whatever it says.
    """
    tree = parse(text, file)
    if not isinstance(tree.data, dict):
        raise RecipeError([tree.mark.problem("IMG-209", "", "is not a recipe; a recipe is a mapping")])
    said = tree.data.get("recipe")
    if said is not None and type(said.data) is not int:
        what = f"a version is a number, such as {VERSION}, and this is '{said.plain()}'"
        raise RecipeError([said.mark.problem("IMG-231", "recipe", what)])
    # One that extends another may leave its version to it.
    version = int(said.data) if said is not None and isinstance(said.data, int) else int("extends" in tree.data)
    if version > VERSION and (problem := other_version(tree)):
        raise RecipeError([problem])
    if since is None and version == VERSION:
        return Migrated(text, version)
    return _rewritten(text, file, version if since is None else since)


def _rewritten(text: str, file: str, version: int) -> Migrated:
    line = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    yaml = _as_written(plain)
    recipe = yaml.load(plain)
    steps = [step for number in range(max(version, 0), VERSION) for step in STEPS[number](recipe, file)]
    if recipe.get("recipe") != VERSION:
        if "recipe" in recipe:
            recipe["recipe"] = VERSION
        else:
            recipe.insert(0, "recipe", VERSION)
        steps.append(f"recipe: is {VERSION} now")
    if not steps:
        return Migrated(text, version)
    written = StringIO()
    yaml.dump(recipe, written)
    return Migrated(written.getvalue().replace("\n", line), version, tuple(steps))


def _from_0_to_1(recipe: CommentedMap, file: str) -> Iterator[str]:
    for renamed in RENAMED_IN_1:
        entries = recipe.get(renamed.section)
        for place, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, CommentedMap) and entry.get("use") == renamed.use and renamed.old in entry:
                where = f"{renamed.section}[{place}]"
                _rename(entry, renamed, Mark(file, entry.lc.line + 1, entry.lc.col + 1), where)
                yield f"{where}: '{renamed.old}' is called '{renamed.new}' now"
    pictures = recipe.get("pictures")
    if isinstance(pictures, dict) and "seconds" in pictures:
        # Processor time is never more than time by the clock: what was decoded within the limit still is.
        yield "pictures.seconds: left as it is, and counts processor time now, no longer the time by the clock"


STEPS: dict[int, Step] = {0: _from_0_to_1}
"""What brings a recipe from each version to the next."""


def _rename(entry: CommentedMap, renamed: Renamed, mark: Mark, where: str) -> None:
    if renamed.new in entry:
        what = f"has '{renamed.old}' and '{renamed.new}', which are the same; take one of them out"
        raise RecipeError([Problem(mark.file, mark.line, mark.column, where, what, "IMG-233")])
    place = list(entry).index(renamed.old)
    comments = entry.ca.items.pop(renamed.old, None)
    entry.insert(place, renamed.new, entry.pop(renamed.old))
    if comments is not None:
        entry.ca.items[renamed.new] = comments


@dataclass(frozen=True)
class _Null:
    """A null as it was written: `null`, `~` or nothing at all."""

    text: str


class _Constructor(RoundTripConstructor):
    """Keeps how a null was written."""


class _Representer(RoundTripRepresenter):
    """Writes a null as it was."""


def _null(_: _Constructor, node: ScalarNode) -> _Null:
    return _Null(str(node.value))


def _written_null(representer: _Representer, null: _Null) -> Any:
    return representer.represent_scalar(_NULL, null.text)


_NULL = "tag:yaml.org,2002:null"
_Constructor.add_constructor(_NULL, _null)
_Representer.add_representer(_Null, _written_null)


def _as_written(text: str) -> Any:
    """Give a reader and writer that indents, and writes brackets and nulls, as the text does."""
    yaml = YAML(typ="rt")
    yaml.Constructor, yaml.Representer = _Constructor, _Representer
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.explicit_start = bool(re.search(r"^---", text, re.MULTILINE)) or None
    listed, nested = _IN_LIST.search(text), _IN_MAPPING.search(text)
    offset = len(listed[2]) - len(listed[1]) if listed else 0
    mapping = len(nested[2]) - len(nested[1]) if nested else 2
    yaml.indent(mapping=max(mapping, 2), sequence=offset + 2, offset=offset)
    return yaml
