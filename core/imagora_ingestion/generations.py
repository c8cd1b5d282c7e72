"""The generations of an index: which one a recipe's embedders fit, and which one answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from imagora.assembly import Stages
from imagora.errors import IdentityMismatch, UnusableIndex
from imagora.ledger import Ledger
from imagora.record import named
from imagora.stages import GenerationalIndex, Identity, Index
from imagora_recipe.plan import Plan

from .sqlite import SqliteLedger, beside
from .thumbnails import thumbnails_of


@dataclass(frozen=True)
class Generation:
    """A generation of an index; items: what its ledger says is in it; complete: an ingest reached its source's end."""

    number: int
    answering: bool
    legs: dict[str, str]
    items: int
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return asdict(self)


@contextmanager
def opened(plan: Plan, stages: Stages, *, create: bool, write: bool = True) -> Iterator[tuple[Index, Ledger, int]]:
    """Open the generation that the recipe's embedders fit, and its ledger; with `create`, make what is not there.

    Where the generation that answers is another embedder's, one beside it is taken or made. Without `write`, an index
    without a ledger is an error.
    """
    index = _index_of(plan, stages)
    with named("index", index.place):
        index, number = _fitting(index, {leg: e.identity() for leg, e in stages.embedders.items()}, create=create)
    ledger = ledger_of(plan, stages)
    try:
        if not ledger.open(number, create=write):
            raise UnusableIndex(
                f"the index at '{index.place}' has no ledger at '{ledger.place}'; imagora ingest {plan.name} makes it "
                "again, and embeds everything for it"
            )
        yield index, ledger, number
    finally:
        ledger.close()
        if index is not stages.index:
            index.close()


def ledger_of(plan: Plan, stages: Stages) -> Ledger:
    """Give the recipe's ledger, or a SQLite file in its usual place; it is not opened."""
    return stages.ledger or SqliteLedger(beside(stages.index, plan.name))


def generations(plan: Plan, stages: Stages) -> list[Generation]:
    """Give the generations of the recipe's index."""
    index = _generational(_index_of(plan, stages))
    ledger = ledger_of(plan, stages)
    found = []
    for one in index.generations():
        items, complete = 0, False
        if ledger.open(one.number, create=False):
            items, complete = ledger.count(), ledger.finished()
            ledger.close()
        legs = {leg: str(identity) for leg, identity in one.legs.items()}
        found.append(Generation(one.number, one.number == index.answering, legs, items, complete))
    return found


def switch(plan: Plan, stages: Stages, number: int | None = None, *, force: bool = False) -> int:
    """Let a generation answer: this one, or the newest that the recipe's embedders fit; give its number.

    Raises UnusableIndex where there is none, and where its ingest never reached its source's end, unless forced.
    """
    index = _generational(_index_of(plan, stages))
    there = {one.number: one for one in generations(plan, stages)}
    if number is None:
        legs = {leg: embedder.identity() for leg, embedder in stages.embedders.items()}
        fitting = [one.number for one in index.generations() if one.legs == legs]
        if not fitting:
            raise UnusableIndex(
                f"no generation at '{index.place}' has vectors of the recipe's embedders; make one with: "
                f"imagora ingest {plan.name}",
                code="IMG-905",
            )
        number = max(fitting)
    if number not in there:
        known = ", ".join(map(str, there)) or "none"
        what = f"there is no generation {number} at '{index.place}' (there is: {known})"
        raise UnusableIndex(what, code="IMG-905")
    if not (there[number].complete or force):
        raise UnusableIndex(
            f"generation {number} is not complete: its ingest never reached the source's end; finish it with: "
            f"imagora ingest {plan.name} (or switch all the same with --force)"
        )
    index.switch(number)
    return number


def rollback(plan: Plan, stages: Stages) -> int:
    """Let the generation answer that did before the last switch, and give its number."""
    index = _generational(_index_of(plan, stages))
    if index.before is None:
        what = f"there was no generation before the one that answers at '{index.place}'"
        raise UnusableIndex(what, code="IMG-905")
    number = index.before
    index.switch(number)
    return number


def collect(plan: Plan, stages: Stages, *, everything: bool = False, dry_run: bool = False) -> list[int]:
    """Remove the generations that nobody needs, and give their numbers.

    Kept are the one that answers, the one before it, for a rollback, and newer ones, which may be on their way;
    everything: only the one that answers is kept.
    """
    index = _generational(_index_of(plan, stages))
    numbers = [one.number for one in index.generations()]
    kept = {index.answering} if everything else {index.answering, index.before}
    newest = index.answering if not everything else max(numbers, default=0)
    gone = [number for number in numbers if number not in kept and number <= newest]
    if not dry_run:
        ledger = ledger_of(plan, stages)
        for number in gone:
            known = ledger.open(number, create=False)  # first: it says where an ingest into it is running
            with closing(ledger):
                index.drop(number)
                if thumbnails := thumbnails_of(plan, stages, number):
                    thumbnails.drop()
                if known:
                    ledger.forget()
    return gone


def _index_of(plan: Plan, stages: Stages) -> Index:
    if stages.index is None:
        raise UnusableIndex(f"the recipe '{plan.name}' has no index", code="IMG-906")
    return stages.index


def _generational(index: Index) -> GenerationalIndex:
    if not isinstance(index, GenerationalIndex):
        raise UnusableIndex(f"the index at '{index.place}' has one generation only", code="IMG-905")
    return index


def _fitting(index: Index, legs: Mapping[str, Identity], *, create: bool) -> tuple[Index, int]:
    try:
        index.open(legs, create=create)
    except IdentityMismatch:
        if not isinstance(index, GenerationalIndex):
            raise
        numbers = [one.number for one in index.generations()]
        fitting = [one.number for one in index.generations() if one.legs == legs]
        if not (fitting or create):
            raise
        number = max(fitting) if fitting else max(numbers) + 1
        beside_it = index.generation(number)
        beside_it.open(legs, create=create)
        return beside_it, number
    return index, index.answering if isinstance(index, GenerationalIndex) else 1
