"""An index held against its ledger: what is missing, what is too much, and how it is mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from imagora.assembly import Stages
from imagora.ledger import Ledger, State
from imagora.stages import GenerationalIndex, Index
from imagora_recipe.plan import Plan

from .generations import opened
from .thumbnails import thumbnails_of


@dataclass(frozen=True)
class Comparison:
    """What an index and its ledger say of one another.

    missing: ids that the ledger has and the index has not. orphans: ids that the index has, or that have a thumbnail,
    and the ledger has not.
    """

    place: str
    generation: int
    answering: bool
    ledger: str
    entries: int
    items: int
    states: dict[State, int]
    missing: tuple[str, ...]
    orphans: tuple[str, ...]
    quarantined: tuple[tuple[str, str, str], ...]

    @property
    def agree(self) -> bool:
        """Whether both have the same ids."""
        return not (self.missing or self.orphans)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {**asdict(self), "agree": self.agree}


def compare(plan: Plan, stages: Stages) -> Comparison:
    """Hold the recipe's index against its ledger; nothing is changed."""
    with opened(plan, stages, create=False, write=False) as parts:
        return _compared(plan, stages, *parts)


def repair(plan: Plan, stages: Stages) -> Comparison:
    """Delete orphans, and forget what is missing, so that the next ingest brings it again; give what was found."""
    with opened(plan, stages, create=False) as (index, ledger, generation):
        found = _compared(plan, stages, index, ledger, generation)
        index.delete(found.orphans)
        if thumbnails := thumbnails_of(plan, stages, generation):
            thumbnails.delete(found.orphans)
        ledger.delete(found.missing)
        return found


def quarantined(plan: Plan, stages: Stages) -> list[tuple[str, str, str]]:
    """Give what the last ingest of each source refused: source, name and reason."""
    with opened(plan, stages, create=False, write=False) as (_, ledger, _):
        return ledger.quarantined()


def _compared(plan: Plan, stages: Stages, index: Index, ledger: Ledger, generation: int) -> Comparison:
    there, written = set(index.ids()), set(ledger.ids(committed=True))
    thumbnails = thumbnails_of(plan, stages, generation)
    held = there | set(thumbnails.ids() if thumbnails else ())
    whole = stages.index
    return Comparison(
        place=index.place,
        generation=generation,
        answering=not isinstance(whole, GenerationalIndex) or whole.answering == generation,
        ledger=ledger.place,
        entries=len(there),
        items=len(written),
        states=dict(ledger.states()),
        missing=tuple(sorted(written - there)),
        orphans=tuple(sorted(held - written)),
        quarantined=tuple(ledger.quarantined()),
    )
