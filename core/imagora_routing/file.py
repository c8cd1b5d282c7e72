"""A router's file: its recipes, the rules that choose among them, and what replaces a recipe that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from imagora.errors import Problem, RecipeError, did_you_mean
from imagora.options import Options
from imagora_recipe.tree import Value, read
from pydantic import BeforeValidator, Field, ValidationError

from .language import language_of, need_languages
from .rules import Rule, Rules

VERSION = 1
Place: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead to a value of the file."""


def _just_a_recipe(value: object) -> object:
    return {"file": value} if isinstance(value, str | Path) else value


class Routed(Options):
    """One recipe of a router."""

    file: str | Path = Field(description="A shipped recipe's name, or a file; a relative one is beside the router's.")
    fallback: str | None = Field(default=None, description="The recipe that answers while this one fails.")


class Health(Options):
    """When a recipe counts as failing."""

    failures: int = Field(
        default=3, ge=1, le=1000, description="After how many failures in a row a recipe is not asked any more."
    )
    retry_after: float = Field(
        default=30, ge=0, le=86_400, description="After how many seconds one query tries it again."
    )


class RouterPlan(Options):
    """A whole router, as its file says it; `recipes` by the names that rules and callers use."""

    router: int = Field(default=VERSION, ge=VERSION, le=VERSION, description="The version of this form.")
    recipes: Mapping[str, Annotated[Routed, BeforeValidator(_just_a_recipe)]] = Field(
        min_length=1, description="The recipes by name: a file, or {file, fallback}."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The first one that fits a query chooses its recipe.")
    default: str | None = Field(default=None, description="The recipe where no rule fits.")
    health: Health = Field(default_factory=Health, description="When a recipe counts as failing.")

    def chooser(self) -> Rules:
        """Give what chooses a query's recipe; raise MissingExtra where rules ask for what is not installed."""
        if any(rule.language for rule in self.rules):
            need_languages()
        only = next(iter(self.recipes)) if len(self.recipes) == 1 else None
        return Rules(self.rules, self.default or only, language_of)


def read_router(file: str | Path) -> RouterPlan:
    """Read a router's file; raise RecipeError with every problem, each with its line and column."""
    path = Path(file)
    tree = read(path)
    try:
        plan = RouterPlan.model_validate(tree.plain())
    except ValidationError as invalid:
        problems = [_problem(tree, error["loc"], error["type"], error["msg"]) for error in invalid.errors()]
        raise RecipeError(problems) from None
    problems = [tree.at(place).mark.problem(code, dotted(place), what) for code, place, what in unknown_names(plan)]
    if problems:
        raise RecipeError(problems)
    beside = {name: _beside(routed, path.parent) for name, routed in plan.recipes.items()}
    return plan.model_copy(update={"recipes": beside})


def unknown_names(plan: RouterPlan) -> Iterator[tuple[str, Place, str]]:
    """Give the names of recipes that are not there, and fallbacks that go round in a circle: code, place, what."""
    named: list[tuple[Place, str]] = [
        (("rules", number, "recipe"), rule.recipe) for number, rule in enumerate(plan.rules)
    ]
    named += [(("recipes", name, "fallback"), r.fallback) for name, r in plan.recipes.items() if r.fallback]
    named += [(("default",), plan.default)] if plan.default else []
    for place, name in named:
        if name not in plan.recipes:
            yield "IMG-250", place, f"there is no recipe called '{name}'{did_you_mean(name, plan.recipes)}"
    for name in plan.recipes:
        if name in (chain := list(fallbacks(plan, name))):
            yield (
                "IMG-251",
                ("recipes", name, "fallback"),
                f"the fallbacks go round in a circle: {_arrows([name, *chain])}",
            )


def fallbacks(plan: RouterPlan, name: str) -> Iterator[str]:
    """Give the recipes that stand in for one, in their order; each once, so that it ends in a circle, too."""
    seen: list[str] = []
    while (routed := plan.recipes.get(name)) is not None and routed.fallback and routed.fallback not in seen:
        name = routed.fallback
        seen.append(name)
        yield name


def _arrows(names: Sequence[str]) -> str:
    return " → ".join(f"'{name}'" for name in names)


def _beside(routed: Routed, folder: Path) -> Routed:
    file = folder / routed.file
    return routed.model_copy(update={"file": file}) if file.is_file() else routed


def _problem(tree: Value, path: Place, kind: str, said: str) -> Problem:
    there = tree.reached(path)
    here, last = tree.at(path), str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _known(path)
        return here.key.problem("IMG-252", dotted(path), f"there is no option '{last}'{did_you_mean(last, known)}")
    if kind == "missing":
        return here.mark.problem("IMG-252", dotted(there), f"the option '{last}' is missing")
    said = said.removeprefix("Value error, ")
    return here.mark.problem("IMG-252", dotted(there), said[:1].lower() + said[1:])


def _known(path: Place) -> list[str]:
    inside: dict[str | int, type[Options]] = {"recipes": Routed, "rules": Rule, "health": Health}
    return list((inside.get(path[0], RouterPlan) if len(path) > 1 else RouterPlan).model_fields)


def dotted(path: Sequence[int | str]) -> str:
    """Write a place as it is read in messages: `rules[0].recipe`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
