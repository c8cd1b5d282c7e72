"""What a query's pictures say in words: the recipe's preparers that read pictures read them, too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from imagora.errors import ImagoraError
from imagora.item import Item, Picture
from imagora.query import Query
from imagora.record import Record, named
from imagora.stages import Prepared, Preparer

Readers = Sequence[tuple[str, Preparer]]


def readers(preparers: Readers) -> Readers:
    """Give the preparers that say what is in a picture."""
    return [(name, preparer) for name, preparer in preparers if getattr(preparer, "reads", False)]


async def read(query: Query, preparers: Readers, record: Record) -> tuple[Query, int]:
    """Give the query with the words of its pictures, and how many preparers failed; the record says why.

    A preparer that failed is not asked about the query's other pictures: it may be a model elsewhere that is down.
    """
    if not preparers or not query.pictures or query.picture_words:
        return query, 0
    failed = 0
    items = [_prepared(number, picture) for number, picture in enumerate(query.pictures, start=1)]
    for name, preparer in preparers:
        with record.stage("preparer (query)", name) as facts, named("preparer", name):
            facts["pictures"] = len(items)
            try:
                for place, one in enumerate(items):
                    (items[place],) = await asyncio.to_thread(preparer.prepare, [one])
            except ImagoraError as error:
                facts["not_read"] = f"from {one.item.uri} on: {error}"
                failed += 1
    return replace(query, picture_words=tuple(one.item.words for one in items)), failed


def _prepared(number: int, picture: Picture) -> Prepared:
    return Prepared(Item(f"picture {number} of the question", picture=picture.png), picture)
