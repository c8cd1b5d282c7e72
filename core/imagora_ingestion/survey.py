"""A dry run: what an ingest would do, and about how long it would take and how much room it would need."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imagora.assembly import Stages, picture_decoder
from imagora.errors import ImagoraError, IndexMissing, SourceError
from imagora.item import Deleted, Item
from imagora.recipe.plan import Plan
from imagora.stages import Entry, SparseVector

from .door import chosen_source, ledger_path
from .embedding import embed
from .road import Change, ItemRoad
from .sqlite import Ledger

SAMPLE = 8
FLOAT = 4


@dataclass
class Survey:
    """What an ingest would do, in items; seconds and bytes are estimates from a sample that was embedded."""

    source: str = ""
    add: int = 0
    change: int = 0
    relabel: int = 0
    delete: int = 0
    unchanged: int = 0
    quarantine: list[tuple[str, str]] = field(default_factory=list)
    sample: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return asdict(self)


def survey(plan: Plan, stages: Stages, source: str | Path | None = None) -> Survey:
    """Go through the source as an ingest would, and write nothing."""
    if stages.index is None:
        raise SourceError(f"the recipe '{plan.name}' has no index to ingest into")
    chosen = chosen_source(plan, stages, source)
    try:
        stages.index.open({leg: embedder.identity() for leg, embedder in stages.embedders.items()}, create=False)
        path = ledger_path(plan, stages.index)
    except IndexMissing:
        path = Path(":memory:")
    with closing(Ledger(path if path.exists() else Path(":memory:"))) as ledger, picture_decoder(plan) as decoder:
        road = ItemRoad((plan, stages, stages.index), chosen, ledger, decoder)
        found = Survey(source=chosen.uri)
        taken: list[Change] = []
        for change in road.changed():
            _count(found, road, change)
            if len(taken) <= SAMPLE and isinstance(change.item, Item) and not change.relabel:
                taken.append(change)
        found.unchanged, found.quarantine = road.report.unchanged, road.report.quarantined
        if not (road.feed or road.hidden):
            found.delete += sum(id_ not in road.seen for id_ in road.known)
        _estimate(found, road, taken)
        return found


def _count(found: Survey, road: ItemRoad, change: Change) -> None:
    if isinstance(change.item, Deleted):
        found.delete += change.row.id in road.known
    elif change.relabel:
        found.relabel += 1
    elif change.row.id in road.known:
        found.change += 1
    else:
        found.add += 1


def _estimate(found: Survey, road: ItemRoad, taken: list[Change]) -> None:
    # The first item loads the models, and is not timed.
    started, size = time.perf_counter(), 0
    for number, change in enumerate(taken):
        if number == 1:
            started = time.perf_counter()
        try:
            prepared = road.prepare(change)
            size += sum(map(_bytes, embed([(change.row.id, prepared)], road.stages.embedders) if prepared else ()))
            found.sample += 1
        except ImagoraError as error:
            found.quarantine.append((change.item.uri, str(error)))
    if found.sample:
        timed = max(found.sample - 1, 1)
        found.seconds = (time.perf_counter() - started) / timed * (found.add + found.change)
        found.bytes = size // found.sample * (found.add + found.change)


def _bytes(entry: Entry) -> int:
    vectors = entry.vectors.values()
    numbers = sum(2 * len(v.indices) if isinstance(v, SparseVector) else len(v) for v in vectors)
    return numbers * FLOAT + len(json.dumps(dict(entry.payload), default=str))
