"""From a recipe's tree to a plan, with every problem reported at its place and nothing built."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from imagora.catalog import Catalog, installed_catalog
from imagora.errors import RecipeError, did_you_mean
from imagora.options import Options
from imagora.stages import LEGS

from .assignments import Assignments
from .components import ComponentChecker
from .extends import find, read_merged
from .gate import EXAMPLES, WHOLE, Limits, spelled
from .licences import read as read_licences
from .plan import Plan, Planned
from .profiles import names_of
from .sections import LISTS, ONE, PLACES, SECTIONS, SETTINGS
from .tree import Value, parse, replaced

OptionsT = TypeVar("OptionsT", bound=Options)

TRACES = "IMAGORA_TRACES"
"""The environment variable that names a tracer for recipes which name none."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def check(
    recipe: str | Path,
    catalog: Catalog | None = None,
    *,
    profile: str | None = None,
    said: Assignments | None = None,
) -> Plan:
    """Check a recipe (a shipped one's name, or a file) and give its plan; raise RecipeError with every problem.

    profile: one, or more with commas between; None means what IMAGORA_PROFILE says. said: what `--set` says, as
    `path=value` in YAML, or as a mapping of paths to values.
    """
    plan = check_tree(find(recipe), read_merged(recipe, profile, said), catalog or installed_catalog())
    return replace(plan, profiles=names_of(profile))


def check_tree(file: Path, tree: Value, catalog: Catalog) -> Plan:
    """Check a merged tree; `file` is the recipe that was asked for."""
    checker = _Checker(catalog)
    plan = checker.plan(file, checker.with_environment(tree, ""))
    if checker.problems:
        order = {str(file): 0}
        raise RecipeError(sorted(checker.problems, key=lambda p: (order.get(p.file, 1), p.file, p.line, p.column)))
    return plan


def planned(kind: str, said: Mapping[str, Any]) -> Planned:
    """Check one component that is said in Python, `{"use": …}`; raise RecipeError with every problem."""
    checker = _Checker(installed_catalog())
    found = checker.component(kind, parse(json.dumps(said, default=str), "<options>"), kind)
    if found is None or checker.problems:
        raise RecipeError(checker.problems)
    return found


class _Checker(ComponentChecker):
    """Checks a whole tree, section by section."""

    def plan(self, file: Path, tree: Value) -> Plan:
        assert isinstance(tree.data, dict)  # noqa: S101 - read_merged gives nothing else
        sections = {name: value for name, value in tree.data.items() if value.data is not None}
        self._version(tree, sections)
        for name, value in tree.data.items():
            if name not in SECTIONS:
                self.wrong(
                    "IMG-301", value, name, f"there is no section '{name}'{did_you_mean(name, SECTIONS)}", at_key=True
                )
        if "traces" not in tree.data and (tracer := os.environ.get(TRACES)):
            sections["traces"] = Value({"use": replace(tree, data=tracer)}, tree.mark, tree.key)
        one = {name: self.component(kind, sections[name], name) for name, kind in ONE.items() if name in sections}
        lists = {name: self.listed(kind, sections.get(name), name) for name, kind in LISTS.items()}
        embedders = dict(self._mapping("embedder", sections.get("embedders"), "embedders", LEGS, "leg"))
        guardrails = dict(self._guardrails(sections.get("guardrails")))
        settings: dict[str, Any] = {
            name: self.options(model, sections[name], name) for name, model in SETTINGS.items() if name in sections
        }
        if "licences" in sections:
            settings["licences"] = read_licences(sections["licences"], partial(self.wrong, "IMG-319"))
        settings["gate"] = dict(self._gate(sections.get("gate"))) or None
        self._completeness(tree, sections)
        known = {name: options for name, options in settings.items() if options is not None}
        parts: dict[str, Any] = {**one, **lists, **known, "embedders": embedders, "guardrails": guardrails}
        return Plan(name=file.stem, file=file, environment=tuple(sorted(self.environment)), **parts)

    def with_environment(self, value: Value, where: str) -> Value:
        """Put in values from the environment; a whole value only, so that nobody builds one out of pieces."""
        if isinstance(value.data, dict):
            inner = {k: self.with_environment(v, f"{where}.{k}".lstrip(".")) for k, v in value.data.items()}
            return Value(inner, value.mark, value.key)
        if isinstance(value.data, list):
            listed = [self.with_environment(v, f"{where}[{i}]") for i, v in enumerate(value.data)]
            return Value(listed, value.mark, value.key)
        if not isinstance(value.data, str) or "${" not in value.data:
            return value
        match = _VARIABLE.fullmatch(value.data)
        if match is None:
            self.wrong(
                "IMG-312", value, where, "a value from the environment is a whole value: '${NAME}', nothing around it"
            )
        elif match[1] not in os.environ:
            self.wrong(
                "IMG-311", value, where, f"the environment variable '{match[1]}' is not set; type: export {match[1]}=…"
            )
        else:
            self.environment.add(match[1])
            return replaced(value, os.environ[match[1]], secret=True)
        return value

    def _version(self, tree: Value, sections: dict[str, Value]) -> None:
        version = sections.get("recipe")
        if version is None:
            self.wrong("IMG-230", tree, "recipe", "is missing; a recipe begins with: recipe: 1", also=True)
        elif version.data != 1 or isinstance(version.data, bool):
            self.wrong(
                "IMG-231", version, "recipe", f"this is version 1 of recipes, and the file says '{version.plain()}'"
            )

    def _completeness(self, tree: Value, sections: dict[str, Value]) -> None:
        needs = {
            "index": ("embedders", "embedders: {text: {use: sentence_transformers}}"),
            "retriever": ("index", "index: {use: qdrant, path: ./index}"),
        }
        legs = sections["embedders"].data if "embedders" in sections else None
        if isinstance(legs, dict) and all(leg.data is None for leg in legs.values()):  # all of them taken away
            sections = {name: section for name, section in sections.items() if name != "embedders"}
        for section, (needed, example) in needs.items():
            if section in sections and needed not in sections:
                self.wrong(
                    "IMG-313",
                    sections[section],
                    section,
                    f"needs the section '{needed}' too, e.g. {example}",
                    at_key=True,
                )
        if "index" in sections and "retriever" not in sections:
            self.wrong(
                "IMG-313",
                sections["index"],
                "index",
                "needs a retriever too, e.g. retriever: {use: hybrid}",
                at_key=True,
            )
        if "retriever" not in sections and "generator" not in sections:
            self.wrong(
                "IMG-314",
                tree,
                "",
                "the recipe does nothing: it has neither a retriever nor a generator, e.g. extends: starter",
                also=True,
            )

    def _mapping(
        self, kind: str, value: Value | None, where: str, names: tuple[str, ...], word: str
    ) -> Iterator[tuple[str, Planned]]:
        for name, part in self._parts(value, where, names, word):
            if part.data is not None and (planned := self.component(kind, part, f"{where}.{name}")):
                yield name, planned

    def _guardrails(self, value: Value | None) -> Iterator[tuple[str, tuple[Planned, ...]]]:
        for place, part in self._parts(value, "guardrails", PLACES, "place"):
            if part.data is not None:
                yield place, self.listed("guardrail", part, f"guardrails.{place}")

    def _gate(self, value: Value | None) -> Iterator[tuple[str, Limits]]:
        if value is None:
            return
        if not isinstance(value.data, dict):
            self.wrong("IMG-303", value, "gate", "must be a mapping of metrics, e.g. {ndcg@10: {min: 0.6, drop: 0.01}}")
            return
        seen: dict[str, str] = {}
        for said, part in value.data.items():
            where, name = f"gate.{said}", spelled(said)
            if part.data is None:
                continue
            if name is None:
                what = f"there is no metric '{said}'{did_you_mean(said.lower(), EXAMPLES)}"
                self.wrong("IMG-322", part, where, what, at_key=True)
            elif name in seen:
                self.wrong("IMG-322", part, where, f"is the same metric as '{seen[name]}'; say one", at_key=True)
            elif limits := self.options(Limits, part, where):
                if limits.drop is not None and name in (*WHOLE, "refused"):
                    what = f"'{name}' has no drop that could be certain; say 'min' or 'max'"
                    self.wrong("IMG-322", part, where, what, at_key=True)
                yield name, limits
            seen.setdefault(name or said, said)

    def _parts(self, value: Value | None, where: str, names: tuple[str, ...], word: str) -> Iterator[tuple[str, Value]]:
        if value is None:
            return
        if not isinstance(value.data, dict):
            self.wrong("IMG-303", value, where, f"must be a mapping with the {word}s {', '.join(names)}")
            return
        for name, part in value.data.items():
            if name in names:
                yield name, part
            else:
                what = f"there is no {word} called '{name}'{did_you_mean(name, names)}"
                self.wrong("IMG-302", part, f"{where}.{name}", what, at_key=True)
