"""How much an ingest of a recipe would embed, counted in its index and ledger; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from types import EllipsisType

from imagora.errors import IndexMissing, UnusableIndex
from imagora.ledger import Ledger
from imagora.stages import GenerationalIndex, Identity, Index, ItemEmbedder, VectorIndex
from imagora_ingestion.changes import made_by
from imagora_ingestion.generations import ledger_of

from .parts import Parts

SAMPLE = 10_000
"""Of how many items the vectors are counted; names are drawn by chance, so that more of them say hardly more."""
_PAGE = 500
_WORDS = ("text", "sparse")


@dataclass(frozen=True)
class LegWork:
    """How many items would get a vector on a leg; not exact: at most, or about, so many."""

    items: int
    exact: bool


@dataclass(frozen=True)
class Work:
    """What an ingest would embed of the items that are there; None: there is no index, or it cannot be told.

    where: "in place", "in a generation beside the one that answers" or "in a new index". counted: the index that the
    items were counted in. why: what keeps it from being told, or from being exact.
    """

    items: int | None = None
    legs: Mapping[str, LegWork] = field(default_factory=dict)
    where: str = ""
    counted: str = ""
    why: str = ""


@dataclass(frozen=True)
class _There:
    """A generation that is there, whose vectors it has, whether the recipe writes into it, and whether it answers."""

    number: int
    legs: Mapping[str, Identity]
    fits: bool
    index: Index
    answers: bool = True


@dataclass(frozen=True)
class _Items:
    """Items by their ids: the first of them, and how many they are in all."""

    first: list[str]
    number: int


def work(before: Parts, after: Parts, *, new_index: bool = False, prepared_anew: bool = False) -> Work:
    """Count what an ingest with the second recipe would embed.

    new_index: another index is to be made, also where it has the name of the one that is there. prepared_anew: the
    preparers differ, so that items may get words or lose them.
    """
    try:
        return _work(before, after, new_index=new_index, exact=not prepared_anew)
    except (UnusableIndex, OSError) as error:
        return Work(why=str(error))


def _work(before: Parts, after: Parts, *, new_index: bool, exact: bool) -> Work:
    there, owner = _there(after), after
    if there is None and before.index_place() not in {None, after.index_place()}:
        there, owner, new_index = _there(before), before, True
    if there is None:
        return Work(why="there is no index yet")
    known, ledger = True, ledger_of(owner.plan, owner.stages)
    if not ledger.open(there.number, create=False):
        known, ledger = False, ledger_of(before.plan, before.stages)  # which may be another one for the same index
        if not ledger.open(there.number, create=False):
            return Work(why=f"the index at '{there.index.place}' has no ledger")
    with closing(ledger):
        source = _source(ledger, before, after)
        if source is ...:
            return Work(counted=there.index.place, why="how many items another source has is known by reading it")
        made = made_by(after.plan, after.stages) if known and there.fits and not new_index else None
        items = _to_embed(ledger, source, made)
        total, legs, why = _legs(items, there, before, after, exact=exact)
    place = "in place" if there.fits and there.answers else "in a generation beside the one that answers"
    return Work(total, legs, "in a new index" if new_index else place, there.index.place, why)


def _there(parts: Parts) -> _There | None:
    """Find the generation that an ingest would write into, else the one that answers; None where there is no index."""
    index = parts.stages.index
    assert index is not None  # noqa: S101 - whoever asks has looked
    if not isinstance(index, GenerationalIndex):
        legs = parts.identities()
        with suppress(IndexMissing):
            index.open(legs or {}, create=False)
            index.close()
            return _There(1, legs or {}, legs is not None, index)
        return None
    found = {one.number: one.legs for one in index.generations()}
    if not found:
        return None
    legs = parts.identities()
    fitting = [number for number, theirs in found.items() if theirs == legs]
    answering = index.answering if index.answering in found else max(found)
    number = answering if answering in fitting or not fitting else max(fitting)
    return _There(number, found[number], number in fitting, index.generation(number), number == answering)


def _source(ledger: Ledger, before: Parts, after: Parts) -> str | EllipsisType | None:
    """Give the source whose items count: None for all, … where nothing is known of the second recipe's."""
    source = after.source()
    if source is not None and next(iter(ledger.ids(source, committed=True)), None) is not None:
        return source
    return None if before.source() == source else ...


def _to_embed(ledger: Ledger, source: str | None, made: str | None) -> _Items:
    """Give the items that are not made as the recipe makes them."""
    first: list[str] = []
    total = 0
    for page in _pages(ledger.ids(source, committed=True)):
        rows = ledger.rows(page)
        others = [id_ for id_ in page if rows[id_].recipe != made]
        total += len(others)
        first += others[: SAMPLE - len(first)]
    return _Items(first, total)


def _legs(
    items: _Items, there: _There, before: Parts, after: Parts, *, exact: bool
) -> tuple[int, dict[str, LegWork], str]:
    """Give how many items are embedded at all, and on each leg; an item that no leg embeds is refused."""
    ids, total = items.first, items.number
    having, why = _having(ids, there)
    whole, share = len(ids) == total, total / max(1, len(ids))
    found: dict[str, LegWork] = {}
    some: set[str] = set()
    for leg in after.plan.embedders:
        like = next((one for one in (leg, *_WORDS) if one in having and (one == leg or leg in _WORDS)), None)
        stages = [parts.stages.embedders.get(leg) for parts in (before, after)]
        if like is None or any(isinstance(stage, ItemEmbedder) for stage in stages):
            found[leg] = LegWork(total, total == 0)
            some.update(ids)
        else:
            found[leg] = LegWork(round(len(having[like]) * share), exact and whole)
            some |= having[like]
    return round(len(some) * share), found, why


def _having(ids: list[str], there: _There) -> tuple[dict[str, set[str]], str]:
    """Give the items that have a vector on each leg of the index, or why it does not say so."""
    index = there.index
    if not isinstance(index, VectorIndex):
        return {}, "the index does not say which items have which vectors"
    if not ids:
        return {}, ""
    try:
        index.open(there.legs, create=False)
    except UnusableIndex as error:  # such as another process that has it open
        return {}, str(error)
    with closing(index):
        pages = list(_pages(iter(ids)))
        return {leg: {id_ for page in pages for id_ in index.vectors(page, leg)} for leg in there.legs}, ""


def _pages(ids: Iterator[str]) -> Iterator[list[str]]:
    while page := list(islice(ids, _PAGE)):
        yield page
