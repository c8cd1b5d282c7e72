"""Profiles: what a recipe says besides for one place or purpose, such as dev or prod, laid over it when chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from imagora.errors import Problem, RecipeError, did_you_mean

from .sections import CONTENT, HEAD
from .tree import Value

PROFILE = "IMAGORA_PROFILE"
"""The environment variable that names the profile where nobody else does."""


def profiles_of(files: Sequence[Value]) -> dict[str, list[Value]]:
    """Give the trees of each profile, parents' first; raise RecipeError with all that no profile can say.

    A null takes the parents' profile of that name away.
    """
    found: dict[str, list[Value]] = {}
    problems: list[Problem] = []
    for file in files:
        for name, profile in _said(file, problems).items():
            if profile.data is None:
                found.pop(name, None)
            elif isinstance(profile.data, dict):
                problems += _strange(name, profile.data)
                found.setdefault(name, []).append(_by(profile, f"profile {name}"))
            else:
                problems.append(profile.mark.problem("IMG-224", f"profiles.{name}", "must be a mapping of sections"))
    if problems:
        raise RecipeError(problems)
    return found


def names_of(profile: str | None) -> tuple[str, ...]:
    """Give the names of the profiles that are asked for, here or by the environment variable."""
    asked = os.environ.get(PROFILE, "") if profile is None else profile
    return tuple(name.strip() for name in asked.split(",") if name.strip())


def chosen(files: Sequence[Value], profile: str | None) -> list[Value]:
    """Give the trees of the profiles that are asked for, in the order in which they are laid over the recipe.

    profile: names with commas between; None means what the environment variable says, "" none.
    """
    there = profiles_of(files)
    names = names_of(profile)
    how = f"the environment variable {PROFILE}" if profile is None else "--profile"
    wrong = [name for name in names if name not in there]
    if wrong:
        said = files[-1].data.get("profiles") if isinstance(files[-1].data, dict) else None
        mark = said.key if said else files[-1].mark
        what = "there is no profile called '{}', which {} asks for{}"
        raise RecipeError(
            [mark.problem("IMG-225", "profiles", what.format(n, how, did_you_mean(n, there))) for n in wrong]
        )
    return [tree for name in names for tree in there[name]]


def _said(file: Value, problems: list[Problem]) -> dict[str, Value]:
    said = file.data.get("profiles") if isinstance(file.data, dict) else None
    if said is None or said.data is None:
        return {}
    if isinstance(said.data, dict):
        wrong = [name for name in said.data if not name or "," in name or name != name.strip()]
        problems += [
            said.data[name].key.problem("IMG-224", "profiles", f"'{name}' cannot be a profile's name") for name in wrong
        ]
        return {name: profile for name, profile in said.data.items() if name not in wrong}
    problems.append(
        said.mark.problem("IMG-224", "profiles", "must be a mapping of profiles, e.g. {dev: {index: {path: ./dev}}}")
    )
    return {}


def _strange(name: str, profile: dict[str, Value]) -> list[Problem]:
    wrong = []
    for section, value in profile.items():
        if section in HEAD:
            wrong.append((section, value, f"a profile cannot say '{section}'; the recipe does"))
        elif section not in CONTENT:
            wrong.append((section, value, f"there is no section '{section}'{did_you_mean(section, CONTENT)}"))
    return [value.key.problem("IMG-224", f"profiles.{name}.{section}", what) for section, value, what in wrong]


def _by(value: Value, by: str) -> Value:
    data = value.data
    if isinstance(data, dict):
        data = {name: _by(part, by) for name, part in data.items()}
    elif isinstance(data, list):
        data = [_by(part, by) for part in data]
    return replace(value, data=data, mark=replace(value.mark, by=by), key=replace(value.key, by=by))
