"""A recipe held against its lock: every difference at its place in the lock, and what to type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagora.errors import Problem, RecipeError
from imagora_recipe.plan import Plan
from imagora_recipe.tree import Value, read

from .changes import NOTHING, Change, changes
from .lock import FORMAT, lock_file, locked

if TYPE_CHECKING:
    from imagora.assembly import Stages

DIFFERS, MISSING, UNREADABLE = "IMG-240", "IMG-241", "IMG-242"


def refuse_unlocked(plan: Plan, stages: Stages, file: Path | None = None) -> None:
    """Raise RecipeError with every difference between a recipe as it would run here and its lock."""
    file = file or lock_file(plan)
    if not file.is_file():
        what = f"there is no lock of the recipe '{plan.name}'; make it with: imagora recipe lock {plan.file}"
        raise RecipeError([Problem(str(file), 1, 1, "", what, MISSING)])
    tree = read(file)
    kept: Any = tree.plain()
    if not isinstance(kept, dict) or kept.get("lock") != FORMAT or not isinstance(kept.get("recipe"), dict):
        what = f"is no lock of this version of imagora; make it anew with: imagora recipe lock {plan.file}"
        raise RecipeError([Problem(str(file), 1, 1, "", what, UNREADABLE)])
    now = locked(plan, stages)
    for lock in (kept, now):
        lock.pop("not_locked", None)
    found = changes(kept, now)
    if len(found) > 1:  # a hash alone that differs says that the lock was edited
        found = [change for change in found if change.place != "hash"]
    if found:
        raise RecipeError([_problem(change, tree, plan) for change in found])


def _problem(change: Change, tree: Value, plan: Plan) -> Problem:
    was = "nothing" if change.before is NOTHING else f"'{_short(change.before)}'"
    now = "there is nothing" if change.after is NOTHING else f"it is '{_short(change.after)}'"
    what = f"the lock has {was}, and {now}; {_to_type(change, plan)}"
    return tree.at(change.steps).mark.problem(DIFFERS, change.place, what)


def _short(value: Any) -> str:
    said = value["use"] if isinstance(value, dict) and "use" in value else value
    return " ".join(str(said).split())[:80]


def _to_type(change: Change, plan: Plan) -> str:
    anew = f"imagora recipe lock {plan.file}"
    section = change.steps[0]
    if section == "recipe":
        return f"change the recipe back, or lock it anew with: {anew}"
    if section == "models":
        return f"bring the weights back that were locked, or lock these with: {anew}"
    if isinstance(change.before, str) and section in {"imagora", "packages", "plugins"}:
        named = change.before.rsplit(" ", 1) if section == "plugins" else [str(change.steps[-1]), change.before]
        return f"type: pip install '{'=='.join(named)}', or: {anew}"
    return f"lock it anew with: {anew}"
