"""The recipes of a router, checked together: nothing is built or loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imagora.catalog import Catalog
from imagora.errors import Problem, RecipeError
from imagora_recipe.check import check
from imagora_recipe.plan import Plan

from .file import RouterPlan


def check_all(router: RouterPlan, catalog: Catalog | None = None) -> dict[str, Plan]:
    """Check every recipe of a router; raise RecipeError with the problems of all of them."""
    problems: list[Problem] = []
    plans: dict[str, Plan] = {}
    for name, routed in router.recipes.items():
        try:
            plans[name] = check(routed.file, catalog)
        except RecipeError as error:
            problems += error.problems
    problems += [] if problems else unguarded(router, plans)
    if problems:
        raise RecipeError(problems)
    return plans


def unguarded(router: RouterPlan, plans: Mapping[str, Plan]) -> list[Problem]:
    """Find fallbacks that would show everybody what their recipe shows only to those who may see it."""
    return [
        Problem(str(plans[name].file), 1, 1, f"access.{field}", f"the fallback '{other}' has no such field", "IMG-253")
        for name, routed in router.recipes.items()
        for other in ([routed.fallback] if routed.fallback else [])
        for field in _missing(plans[name], plans[other])
    ]


def _missing(plan: Plan, fallback: Plan) -> Iterator[str]:
    for field in ("tenant", "groups"):
        if getattr(plan.access, field) and not getattr(fallback.access, field):
            yield field
