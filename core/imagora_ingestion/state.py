"""What a recipe's index holds at present, as its ledger has it: cheap enough to look every minute."""

from __future__ import annotations

from dataclasses import dataclass

from imagora.assembly import Stages, build
from imagora.component import BuildContext
from imagora.ledger import DatedLedger, Ledger
from imagora.stages import GenerationalIndex
from imagora_recipe.plan import Plan

from .sqlite import SqliteLedger, beside


@dataclass(frozen=True)
class IndexState:
    """generation: the one that answers. items: in it for good. finished: see `index_state`."""

    generation: int
    items: int
    finished: float | None


def index_state(plan: Plan, stages: Stages, leave_out: str = "") -> IndexState | None:
    """Say what the index holds, and when an ingest last reached the end of the recipe's source; None without an index.

    finished: in seconds of the epoch, None where it is not known. Where the recipe's own source was never ingested, it
    is the last of the others, without those whose names begin with `leave_out`. The index is not touched, and the
    ledger is one of its own, so that an ingest may run beside it.
    """
    if stages.index is None:
        return None
    number = stages.index.answering if isinstance(stages.index, GenerationalIndex) else 1
    ledger = _another(plan, stages)
    if not ledger.open(number, create=False):
        return None
    try:
        return IndexState(number, ledger.count(), _finished(ledger, stages, leave_out))
    finally:
        ledger.close()


def _another(plan: Plan, stages: Stages) -> Ledger:
    if plan.ledger is None:
        return SqliteLedger(beside(stages.index, plan.name))
    ledger: Ledger = build(plan.ledger, BuildContext(recipe=plan.name, index=stages.index))
    return ledger


def _finished(ledger: Ledger, stages: Stages, leave_out: str) -> float | None:
    if not isinstance(ledger, DatedLedger):
        return None
    ended = ledger.finished_at()
    own = ended.get(stages.source.uri) if stages.source is not None else None
    others = [when for source, when in ended.items() if not (leave_out and source.startswith(leave_out))]
    return max(others, default=None) if own is None else own
