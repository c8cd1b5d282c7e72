"""What a change of a recipe costs, by the rules that queries and ingests go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from imagora.options import Costs, Options
from imagora.stages import Identity
from imagora_batching.options import KEY as BATCHING
from imagora_isolation.planning import KEYS as ISOLATING
from imagora_recipe.plan import PictureOptions

from .changes import NOTHING, Change
from .parts import Parts

Cost: TypeAlias = Literal["later", "re-rank", "online", "ingest", "re-embed", "re-index"]
"""From the least to the most:

later: only how a later ingest works. re-rank: what is found is the same, only its order and what follows is not.
online: queries are answered in another way, from an index that stays as it is. ingest: an ingest must run, and embeds
nothing of what is there again. re-embed: an ingest embeds all items again. re-index: another index, to be filled.
"""
COSTS: tuple[Cost, ...] = get_args(Cost)
_BEHIND: Mapping[str, Cost] = {
    **{
        "engine": "later",
        "licences": "later",
        "gate": "later",
        "prices": "later",
        "gateway": "later",
        "rerankers": "re-rank",
    },
    **{"source": "ingest", "preparers": "re-embed"},
}
_PICTURES: Mapping[str, Cost] = {
    **{"max_side": "re-embed", "workers": "later"},
    **{"thumbnails": "later", "thumbnails_path": "later"},  # of items that are embedded from then on
}
assert set(_PICTURES) <= set(PictureOptions.model_fields)  # noqa: S101 - a name that is gone would cost nothing


@dataclass(frozen=True)
class Costed:
    """A change with its cost, and why it costs that where the rule is not plain."""

    change: Change
    cost: Cost
    why: str = ""


def costed(changed: list[Change], before: Parts, after: Parts) -> list[Costed]:
    """Say of each change what it costs; where the ledger moves without a word about it in the recipe, that too."""
    found = [Costed(change, *_cost(change, before, after)) for change in changed]
    if _moves_silently(found, before, after):
        why = "the ledger of an index on a server has the recipe's name, and an ingest without its ledger embeds all"
        places = before.ledger_place(), after.ledger_place()
        found.append(Costed(Change(("ledger",), *places), "re-embed", why))
    return found


def _moves_silently(found: list[Costed], before: Parts, after: Parts) -> bool:
    plans = before.plan, after.plan
    if any(plan.index is None or plan.ledger is not None for plan in plans) or plans[0].name == plans[1].name:
        return False
    return before.index_place() == after.index_place() and before.ledger_place() != after.ledger_place()


def _cost(change: Change, before: Parts, after: Parts) -> tuple[Cost, str]:  # noqa: PLR0911 - one return a rule
    section, *rest = change.steps
    if rest and rest[-1] in ISOLATING:
        return "later" if section == "preparers" else "online", "where a component runs changes nothing that it gives"
    if BATCHING in rest:
        return "online", "how calls are gathered changes nothing that they give"
    if after.plan.index is None and section in {"source", "preparers", "embedders", "index", "ledger", "engine"}:
        return "online", "without an index there is nothing to ingest"
    match section:
        case "embedders" if rest:
            return _embedder(str(rest[0]), before, after)
        case "index":
            return _index(rest, before, after)
        case "ledger":
            if before.ledger_place() == after.ledger_place():
                return "later", ""
            return "re-embed", "a new ledger knows nothing of what the index holds"
        case "pictures":
            return _PICTURES.get(str(rest[0]), "online"), ""
        case "source" if change.after is NOTHING and not rest:
            return "later", "an ingest needs --source from now on"
    return _BEHIND.get(str(section), "online"), ""


def _embedder(leg: str, before: Parts, after: Parts) -> tuple[Cost, str]:  # noqa: PLR0911 - one return a rule
    if leg not in before.plan.embedders:
        return "re-embed", "an index has the same legs for all of its items"
    if leg not in after.plan.embedders:
        return "re-embed", "queries do without the leg at once; what is written to an index has all of its legs"
    if before.plan.embedders[leg] == after.plan.embedders[leg]:
        return "online", ""
    if before.plan.embedders[leg].offer != after.plan.embedders[leg].offer:
        return "re-embed", ""
    there = before.identity(leg), after.identity(leg)
    if None in there:
        unknown = before.unknown.get(leg) or after.unknown.get(leg)
        return "re-embed", f"whether the vectors stay the same cannot be told here: {unknown}"
    if there[0] == there[1]:
        return "online", "the vectors stay the same"
    return "re-embed", f"other vectors: {_unlike(*there)}"


def _unlike(before: Identity | None, after: Identity | None) -> str:
    assert before and after  # noqa: S101 - whoever asks knows both
    both = ((one.name, getattr(before, one.name), getattr(after, one.name)) for one in fields(Identity))
    return ", ".join(f"{name} '{str(was)[:80]}' → '{str(now)[:80]}'" for name, was, now in both if was != now)


def _index(steps: list[str | int], before: Parts, after: Parts) -> tuple[Cost, str]:
    if before.index_place() != after.index_place():
        return "re-index", ""
    assert after.plan.index is not None  # noqa: S101 - looked at above
    cost = _declared(type(after.plan.index.options), steps)
    said = "an index has it from its making: name another place, or remove this one, and ingest anew"
    return cost, said if cost == "re-index" else ""


def _declared(model: type[Options], steps: list[str | int]) -> Cost:
    """Find what an option says of itself, or the option that it stands within; to be safe, a new index otherwise."""
    cost: Cost = "re-index"
    here: Any = model
    for step in steps:
        field = here.model_fields.get(str(step)) if isinstance(here, type) and issubclass(here, Options) else None
        if field is None:
            break
        cost = next((mark.what for mark in field.metadata if isinstance(mark, Costs)), cost)
        here = field.annotation
    return cost
