"""All checks of this machine and of a recipe, group by group."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from imagora.catalog import Catalog
from imagora.health import Check, Unhealthy
from imagora_recipe.plan import Plan, Planned
from imagora_recipe.tree import is_secret, masked

from . import machine, models, ports, redis
from .running import Finding, run

SHORTEST_SECRET = 6


def examine(
    recipe: str | None, catalog: Catalog, profile: str | None = None, assigned: Sequence[str] | None = None
) -> Iterator[Finding]:
    """Run every check; those of a recipe's parts only where the recipe is fine."""
    held: list[Plan] = []
    hidden = _hider(held)
    place = Path()
    if recipe is None:
        yield from run("machine", machine.checks(catalog, place), hidden)
        yield from run("redis", redis.checks(), hidden)
        return
    from imagora_recipe.check import check

    read = partial(check, recipe, catalog, profile=profile, said=assigned)
    (checked,) = run("recipe", [Check("recipe", lambda: _checked(held, read))], hidden)
    if held and held[0].index is not None:
        place = getattr(held[0].index.options, "path", None) or place
    yield from run("machine", machine.checks(catalog, place), hidden)
    yield from run("redis", redis.checks(), hidden)
    yield checked
    if not held:
        for group in ("models", "parts", "index", "ports"):
            yield Finding(group, group, "skipped", "needs 'recipe'")
        return
    plan = held[0]
    yield from run("models", models.checks(plan), hidden)
    for planned in plan.components():
        yield from run(planned.where, _of(planned, plan), hidden)
    yield from run("ports", ports.checks(plan), hidden)
    yield from run("settings", [Check("traces", lambda: _content(plan))], hidden)


def _of(planned: Planned, plan: Plan) -> Iterator[Check]:
    own = planned.offer.component.checks
    names = []
    for check in own(planned.options) if own else ():
        names.append(check.name)
        yield check
    if planned is plan.index:
        yield Check("identity", lambda: _identity(plan), needs=tuple(names))


def _checked(held: list[Plan], read: Callable[[], Plan]) -> str:
    held.append(read())
    return f"'{held[0].name}' is fine: {len(list(held[0].components()))} components, hash {held[0].hash}"


def _identity(plan: Plan) -> str:
    from imagora.assembly import assemble
    from imagora_ingestion.verify import compare

    found = compare(plan, assemble(plan))
    said = f"{found.entries} entries at '{found.place}', of the recipe's embedders"
    if not found.agree:
        what = f"the index lacks {len(found.missing)} items of its ledger, and has {len(found.orphans)} too many"
        raise Unhealthy(what, f"type: imagora index repair {plan.name}")
    return said


def _content(plan: Plan) -> str:
    if plan.traces is None:
        return "no tracer"
    content = getattr(plan.traces.options, "content", "")
    if content == "shown" and any(plan.guardrails.values()):
        what = "guardrails keep words from passing, and traces show them"
        raise Unhealthy(what, "write 'content: auto' or 'hidden' under 'traces'")
    return f"'{plan.traces.name}'" + (f", content {content}" if content else "")


def _hider(plans: list[Plan]) -> Callable[[str], str]:
    def hidden(text: str) -> str:
        known = {secret for plan in plans for planned in plan.components() for secret in planned.secrets}
        known |= {value for name, value in os.environ.items() if is_secret(name, value)}
        return masked(text, (secret for secret in known if len(secret) >= SHORTEST_SECRET))

    return hidden
