"""A dry run: what an ingest would do, and about how long it would take and how much room it would need."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .assembly import Stages, picture_decoder
from .embedding import embed
from .errors import ImagoraError, IndexMissing, SourceError
from .ingest import Run, chosen_source, ledger_path
from .item import Deleted, Item
from .ledger import Ledger, Row
from .recipe.plan import Plan
from .stages import Entry, SparseVector

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
        run = Run((plan, stages, stages.index), chosen, ledger, decoder)
        found = Survey(source=chosen.uri)
        taken: list[tuple[Row, Item]] = []
        for row, item in run.changed():
            _count(found, run, row, item)
            if len(taken) <= SAMPLE and isinstance(item, Item) and not run.only_relabelled(row):
                taken.append((row, item))
        found.unchanged, found.quarantine = run.report.unchanged, run.report.quarantined
        if not (run.feed or run.hidden):
            found.delete += sum(id_ not in run.seen for id_ in run.known)
        _estimate(found, run, taken)
        return found


def _count(found: Survey, run: Run, row: Row, item: Item | Deleted) -> None:
    if isinstance(item, Deleted):
        found.delete += row.id in run.known
    elif run.only_relabelled(row):
        found.relabel += 1
    elif row.id in run.known:
        found.change += 1
    else:
        found.add += 1


def _estimate(found: Survey, run: Run, taken: list[tuple[Row, Item]]) -> None:
    # The first item loads the models, and is not timed.
    started, size = time.perf_counter(), 0
    for number, (row, item) in enumerate(taken):
        if number == 1:
            started = time.perf_counter()
        try:
            prepared = run.prepare(row, item)
            size += sum(map(_bytes, embed([(row.id, prepared)], run.stages.embedders) if prepared else ()))
            found.sample += 1
        except ImagoraError as error:
            found.quarantine.append((item.uri, str(error)))
    if found.sample:
        timed = max(found.sample - 1, 1)
        found.seconds = (time.perf_counter() - started) / timed * (found.add + found.change)
        found.bytes = size // found.sample * (found.add + found.change)


def _bytes(entry: Entry) -> int:
    vectors = entry.vectors.values()
    numbers = sum(2 * len(v.indices) if isinstance(v, SparseVector) else len(v) for v in vectors)
    return numbers * FLOAT + len(json.dumps(dict(entry.payload), default=str))
