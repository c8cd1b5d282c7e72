"""The licence of every part of a plan, with what says so, and whether the recipe allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from imagora import Model
from imagora.errors import ImagoraError
from imagora_recipe.plan import Plan

from .allowing import is_allowed
from .metadata import expression, licence_of
from .packages import closure, distributions_of

_CARD = re.compile(r"\A---\s*\n(?P<head>.*?)\n---", re.DOTALL)
_IN_CARD = re.compile(r"^license:\s*['\"]?([^'\"\n]+?)['\"]?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A model, plugin or package; licence: an SPDX expression, empty where unknown; allowed: None without a list."""

    kind: Literal["model", "plugin", "package"]
    name: str
    version: str
    licence: str
    said_by: str
    used_by: tuple[str, ...] = ()
    allowed: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {**asdict(self), "licence": self.licence or None}


def parts(plan: Plan) -> list[Part]:
    """Give every part of a plan: models first, then plugins, then packages."""
    stated = plan.licences.stated if plan.licences else {}
    found = [_judged(part, plan) for part in (*_models(plan, stated), *_packages(plan, stated))]
    order = {"model": 0, "plugin": 1, "package": 2}
    return sorted(found, key=lambda part: (order[part.kind], part.name.lower()))


def _judged(part: Part, plan: Plan) -> Part:
    if plan.licences is None:
        return part
    allowed = bool(part.licence) and is_allowed(part.licence, plan.licences.allowed)
    return Part(**{**vars(part), "allowed": allowed})


def _models(plan: Plan, stated: Mapping[str, str]) -> Iterator[Part]:
    users: dict[str, tuple[Model, list[str]]] = {}
    for planned in plan.components():
        component = planned.offer.component
        for model in component.models(planned.options) if component.models else ():
            users.setdefault(model.name, (model, []))[1].append(planned.where)
    for model, where in users.values():
        licence, by = _licence(model)
        if model.name in stated:
            licence, by = stated[model.name], "the recipe"
        version = _version(model.distribution)
        yield Part("model", model.name, version, licence, by, tuple(where))


def _licence(model: Model) -> tuple[str, str]:
    if model.licence:
        return model.licence, model.licence_by
    try:
        folders = {file.parent for file in model.files()}
    except ImagoraError as error:
        return "", f"the model is not there: {error}"
    for folder in sorted(folders):
        if found := _by_card(folder / "README.md"):
            return found, "its model card, README.md"
    if not model.distribution:
        return "", "nothing says it" if folders else "it runs elsewhere"
    try:
        return licence_of(distribution(model.distribution))
    except PackageNotFoundError:
        return "", f"'{model.distribution}' is not installed"


def _by_card(card: Path) -> str:
    try:
        head = _CARD.match(card.read_text("utf-8", errors="replace")[:20_000])
    except OSError:
        return ""
    said = _IN_CARD.search(head["head"]) if head else None
    return expression(said[1]) if said else ""


def _packages(plan: Plan, stated: Mapping[str, str]) -> Iterator[Part]:
    used: dict[str, list[str]] = {}
    wanted: dict[str, set[str]] = {"imagora": set()}
    for planned in plan.components():
        offer = planned.offer
        own = offer.plugin.distribution
        used.setdefault(own, []).append(planned.where)
        wanted.setdefault(own, set()).update({offer.component.extra} if offer.component.extra else ())
        for name in distributions_of(offer.component.requires):
            wanted.setdefault(name, set())
    plugins = {name.lower().replace("_", "-") for name in used}
    for name, installed in closure((name, frozenset(extras)) for name, extras in wanted.items()).items():
        licence, by = licence_of(installed) if installed else ("", "it is not installed")
        if name in stated:
            licence, by = stated[name], "the recipe"
        where = tuple(used.get(name, ()))
        yield Part("plugin" if name in plugins else "package", name, _version(name), licence, by, where)


def _version(name: str) -> str:
    try:
        return distribution(name).version if name else ""
    except PackageNotFoundError:
        return ""
