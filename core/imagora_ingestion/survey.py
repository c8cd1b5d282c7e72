"""A dry run: what an ingest would do, and about how long it would take and how much room it would need."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imagora.assembly import Stages
from imagora.errors import IdentityMismatch, IndexMissing, SourceError
from imagora.item import Deleted, Item
from imagora.ledger import Ledger, Row
from imagora.runner import Change
from imagora.stages import Entry, SparseVector
from imagora_recipe.plan import Plan

from .changes import Changes, made_by
from .door import chosen_source
from .generations import opened
from .maker import EntryMaker
from .thumbnails import thumbnails_of

SAMPLE = 16
FLOAT = 4


@dataclass
class Survey:
    """What an ingest would do, in items; seconds and bytes are estimates from a sample that was embedded.

    embed: how many would be embedded, which are those to add and those to change.
    """

    source: str = ""
    add: int = 0
    change: int = 0
    relabel: int = 0
    delete: int = 0
    unchanged: int = 0
    embed: int = 0
    quarantine: list[tuple[str, str]] = field(default_factory=list)
    sample: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return asdict(self)


def survey(plan: Plan, stages: Stages, source: str | Path | None = None, *, limit: int | None = None) -> Survey:
    """Go through the source as an ingest would, through `limit` items of it at most, and write nothing."""
    if stages.index is None:
        raise SourceError(
            f"the recipe '{plan.name}' has no index to ingest into; add: index: {{use: qdrant, path: ./index}}",
            code="IMG-705",
        )
    chosen = chosen_source(plan, stages, source)
    with ExitStack() as stack:
        ledger: Ledger | None = None
        with suppress(IndexMissing, IdentityMismatch):  # an ingest would make the index, or a generation beside it
            _, ledger, _ = stack.enter_context(opened(plan, stages, create=False, write=False))

        def rows(ids: Sequence[str]) -> dict[str, Row]:
            return ledger.rows(ids) if ledger else {}

        kept = thumbnails_of(plan, stages, 1) is not None and plan.pictures.thumbnails > 0
        changes = Changes(chosen, rows, made_by(plan, stages), limit, thumbnails=kept)
        stack.enter_context(closing(changes.seen))
        maker = stack.enter_context(closing(EntryMaker(plan, stages)))
        found = Survey(source=chosen.uri, quarantine=changes.refused)
        taken, chance = list[Change](), random.Random(0)  # noqa: S311 - the same sample of the same source
        for group in stack.enter_context(closing(changes.groups())):
            known = rows([change.row.id for change in group])
            for change in group:
                _count(found, change, known.get(change.row.id))
                if isinstance(change.item, Item) and not change.relabel:
                    _keep(taken, change, found.add + found.change, chance)
        found.unchanged, found.embed = changes.unchanged, found.add + found.change
        if ledger and not (changes.feed or changes.hidden):
            found.delete += sum(id_ not in changes.seen for id_ in ledger.ids(chosen.uri, committed=True))
        _estimate(found, maker, taken)
        return found


def _count(found: Survey, change: Change, known: Row | None) -> None:
    there = known is not None and bool(known.content)
    if isinstance(change.item, Deleted):
        found.delete += there
    elif change.relabel:
        found.relabel += 1
    elif there:
        found.change += 1
    else:
        found.add += 1


def _keep(taken: list[Change], change: Change, number: int, chance: random.Random) -> None:
    # Any `SAMPLE` of all that were given are equally likely (Vitter, 1985, Random sampling with a reservoir).
    if number <= SAMPLE:
        taken.append(change)
    elif (place := chance.randrange(number)) < SAMPLE:
        taken[place] = change


def _estimate(found: Survey, maker: EntryMaker, taken: list[Change]) -> None:
    if not taken:
        return
    maker(taken[:1])  # loads the models, and is not timed
    started = time.perf_counter()
    made = maker(taken)  # together, as an ingest does it
    found.seconds = (time.perf_counter() - started) / len(taken) * found.embed
    found.quarantine.extend((one.change.item.uri, one.refusal) for one in made if one.refusal)
    sizes = [_bytes(one.entry) + len(one.thumbnail) for one in made if one.entry]
    found.sample = len(sizes)
    found.bytes = sum(sizes) * found.embed // len(taken)


def _bytes(entry: Entry) -> int:
    vectors = entry.vectors.values()
    numbers = sum(2 * len(v.indices) if isinstance(v, SparseVector) else len(v) for v in vectors)
    return numbers * FLOAT + len(json.dumps(dict(entry.payload), default=str))
