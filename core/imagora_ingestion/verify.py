"""An index held against its ledger: what is missing, what is too much, and how it is mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from imagora.assembly import Stages
from imagora.errors import UnusableIndex
from imagora.recipe.plan import Plan
from imagora.stages import Index

from .door import ledger_path
from .sqlite import Ledger


@dataclass(frozen=True)
class Comparison:
    """What an index and its ledger say of one another.

    missing: ids that the ledger has and the index has not. orphans: ids that the index has and the ledger has not.
    """

    place: str
    ledger: str
    entries: int
    items: int
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
    with _opened(plan, stages) as (index, ledger):
        return _compared(index, ledger)


def repair(plan: Plan, stages: Stages) -> Comparison:
    """Delete orphans, and forget what is missing, so that the next ingest brings it again; give what was found."""
    with _opened(plan, stages) as (index, ledger):
        found = _compared(index, ledger)
        index.delete(found.orphans)
        ledger.delete(found.missing)
        return found


def quarantined(plan: Plan, stages: Stages) -> list[tuple[str, str, str]]:
    """Give what the last ingest of each source refused: source, name and reason."""
    with _opened(plan, stages) as (_, ledger):
        return ledger.quarantined()


def _compared(index: Index, ledger: Ledger) -> Comparison:
    there, written = set(index.ids()), set(ledger.ids())
    return Comparison(
        place=index.place,
        ledger=str(ledger.path),
        entries=len(there),
        items=len(written),
        missing=tuple(sorted(written - there)),
        orphans=tuple(sorted(there - written)),
        quarantined=tuple(ledger.quarantined()),
    )


@contextmanager
def _opened(plan: Plan, stages: Stages) -> Iterator[tuple[Index, Ledger]]:
    if stages.index is None:
        raise UnusableIndex(f"the recipe '{plan.name}' has no index")
    identities = {leg: embedder.identity() for leg, embedder in stages.embedders.items()}
    stages.index.open(identities, create=False)
    with closing(Ledger(ledger_path(plan, stages.index))) as ledger:
        yield stages.index, ledger
