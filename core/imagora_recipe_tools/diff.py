"""Two recipes held against each other: what changes between them, and what it costs to go from one to the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from imagora_caching.levels import LevelOptions
from imagora_recipe.plan import Plan

from .changes import NOTHING, changes
from .costs import COSTS, Cost, Costed, costed
from .parts import Parts
from .said import said_by, secrets_of, without_secrets

if TYPE_CHECKING:
    from .work import Work

Level = Literal["same", "re-rank only", "online only", "re-index"]
SAME, ONLINE_ONLY, REINDEX = 0, 4, 5


@dataclass(frozen=True)
class Shown:
    """A change as it may be printed, without secrets; `before` or `after` is None for what is not there or null."""

    place: str
    before: Any
    after: Any
    kind: Literal["added", "removed", "changed", "reordered"]
    cost: Cost
    why: str


@dataclass(frozen=True)
class Difference:
    """What changes between two recipes and what it costs.

    caches: those whose kept answers are not found any more, since they are kept under the recipe's hash. work: what an
    ingest with the second recipe would embed, where it must run. notes: what else there is to know.
    """

    names: tuple[str, str]
    hashes: tuple[str, str]
    changes: tuple[Shown, ...]
    caches: tuple[str, ...] = ()
    work: Work | None = None
    new_index: bool = False
    notes: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """The most that any of the changes costs."""
        worst = max((COSTS.index(change.cost) for change in self.changes), default=None)
        if worst is None:
            return "same"
        if COSTS[worst] in {"ingest", "re-embed", "re-index"}:
            return "re-index"
        return "re-rank only" if COSTS[worst] == "re-rank" else "online only"

    @property
    def exit_code(self) -> int:
        """0 where nothing changes, 4 where no ingest is needed, 5 where one is."""
        return {"same": SAME, "re-index": REINDEX}.get(self.level, ONLINE_ONLY)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {**asdict(self), "level": self.level, "exit_code": self.exit_code}


def diff(before: Plan, after: Plan) -> Difference:
    """Compare two checked recipes; their index and ledger are looked at where something must be embedded."""
    secrets = secrets_of(before) | secrets_of(after)
    changed = changes(said_by(before), said_by(after))
    parts = Parts(before), Parts(after)
    found = costed(changed, *parts) if changed or before.name != after.name else []
    shown = tuple(_shown(one, secrets) for one in found)
    difference = Difference((before.name, after.name), (before.hash, after.hash), shown)
    if difference.level == "same":
        return difference
    todo = None
    new_index = any(one.cost == "re-index" for one in found)
    if difference.level == "re-index" and after.index is not None:
        from .work import work  # which imports LlamaIndex

        todo = work(
            *parts,
            new_index=new_index and parts[0].index_place() == parts[1].index_place(),
            prepared_anew=any(one.change.steps[0] == "preparers" for one in found),
        )
        counted, why = (str(without_secrets(said, secrets)) for said in (todo.counted, todo.why))
        todo = replace(todo, counted=counted, why=why)
    kept = [one.name for one in before.wrappers if isinstance(one.options, LevelOptions)]
    caches = tuple(kept) if before.hash != after.hash else ()
    return Difference(difference.names, difference.hashes, shown, caches, todo, new_index, tuple(_notes(found, *parts)))


def _shown(one: Costed, secrets: set[str]) -> Shown:
    before, after = one.change.before, one.change.after
    kind: Any = "reordered" if one.change.order else "changed"
    if before is NOTHING or after is NOTHING:
        kind = "added" if before is NOTHING else "removed"
    said = [None if value is NOTHING else without_secrets(value, secrets) for value in (before, after)]
    why = str(without_secrets(one.why, secrets))
    return Shown(one.change.place, said[0], said[1], kind, one.cost, why)


def _notes(found: list[Costed], before: Parts, after: Parts) -> list[str]:
    notes = []
    sections = {one.change.steps[0] for one in found}
    if "source" in sections and after.plan.source is not None:
        names = before.source(), after.source()
        if names[0] != names[1]:
            notes.append(
                "items of another source are others: all that it gives are embedded, and those of the one before stay "
                "in the index"
            )
        else:
            notes.append("what the source gives now is only known by reading it")
    if "access" in sections:
        notes.append("who may see which item changes at once, with the first query")
    if "generator" in sections and any(_asks_the_generator(planned.options) for planned in after.plan.preparers):
        notes.append("a preparer writes with the generator: what it wrote before stays until an item is embedded again")
    return notes


def _asks_the_generator(options: Any) -> bool:
    field = type(options).model_fields.get("generator")
    return field is not None and options.generator is None
