"""One item by its id, for somebody who may see it: found where every query finds it, under the same clause."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

from imagora import Passage, Pipeline, Principal
from imagora.passages import passage_of
from imagora.record import Record
from imagora.scoped import ScopedIndex, principal
from imagora.stages import LegQuery, SearchRequest, Vector, VectorIndex
from imagora_answering.guarding import guard_passages

NEAR = 50
"""Hits among which the item must be when it is searched for with its own vectors; more twins than that hide it."""


async def look_up(pipeline: Pipeline, who: Principal, id_: str) -> tuple[Passage | None, bool]:
    """Give an item as the recipe's guardrails let it be shown, and whether they changed it; None where it is not there.

    What the principal may not see is not there. An index that does not give vectors back knows no single items.
    """
    index = pipeline.stages.index
    if not isinstance(index, VectorIndex) or not _is_id(id_):
        return None, False
    await pipeline.ready()
    vectors = await asyncio.to_thread(_vectors, index, id_, list(pipeline.stages.embedders))
    if not vectors:
        return None, False
    legs = tuple(LegQuery(leg, leg, vector) for leg, vector in vectors.items())
    principal.set(who)
    scoped = ScopedIndex(index, pipeline.plan.access.tenant, pipeline.plan.access.groups)
    hits = await scoped.asearch(SearchRequest(legs, NEAR, NEAR))
    found = [passage_of(hit) for hit in hits if hit.id == id_]
    record = Record()
    passages = await guard_passages(found, pipeline.stages.guardrails.get("passages", ()), record)
    return (passages[0] if passages else None), bool(record.verdicts)


def _vectors(index: VectorIndex, id_: str, legs: list[str]) -> Mapping[str, Vector]:
    found = {leg: index.vectors([id_], leg).get(id_) for leg in legs}
    return {leg: vector for leg, vector in found.items() if vector is not None}


def _is_id(id_: str) -> bool:
    try:
        return str(uuid.UUID(id_)) == id_
    except ValueError:
        return False
